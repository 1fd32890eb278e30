// TLS to upstreams on loopback, by the system's clock and read the slow way.

import { systemClock } from "../../src/core/clock.ts";
import type { SecureDial } from "../../src/core/link.ts";
import { connectTcp } from "../../src/proxy/relay/connect-tcp.ts";
import { createSecureDial, type SecureDialDeps } from "../../src/proxy/relay/secure-dial.ts";

/** Trusts `authority` besides the system's roots, shows nothing, verifies everything; `deps`: what is otherwise. */
export function secureDial(authority: string, deps: Partial<SecureDialDeps> = {}): SecureDial {
  return createSecureDial({
    clock: systemClock,
    connectMs: 5_000,
    connectTcp,
    inletOf: () => null,
    extraRoots: [authority],
    clientCertificates: [],
    unverified: [],
    ...deps,
  });
}
