// On which terms TLS is spoken with an upstream: whom we believe, what we show, and whom we would believe anything.

import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";
import { formatHostPort } from "../../core/address.ts";
import type { SecureAim } from "../../core/link.ts";

/** Certificate and key with which we stand in for a client, PEM. */
export interface ClientCertificate {
  /** Server name, or address where there is none; with or without a port. */
  readonly host: string;
  readonly certificate: string;
  readonly key: string;
}

export interface UpstreamTrust {
  /** Trusted besides the roots of the system, PEM. */
  readonly extraRoots: readonly string[];
  readonly clientCertificates: readonly ClientCertificate[];
  /** Server names or addresses, with or without a port, whose certificate is not verified. */
  readonly unverified: readonly string[];
}

export interface Terms {
  readonly secureContext: SecureContext;
  /** Host of the client certificate within that context; null: there is none. */
  readonly shown: string | null;
  /** Whether the certificate of the upstream must be good. */
  readonly isVerified: boolean;
}

/** Throws OpenSSL's error for a client certificate that is none. */
export function createTerms(
  trust: UpstreamTrust,
): (aim: Pick<SecureAim, "upstream" | "serverName">) => Terms {
  const contexts = new Map<ClientCertificate | null, SecureContext>();
  let roots: readonly string[] | null = null;

  // One context for all: parsing some hundred roots takes longer than a handshake.
  const contextFor = (own: ClientCertificate | null): SecureContext => {
    roots ??= [...systemRoots(), ...trust.extraRoots];
    const known = contexts.get(own);
    if (known) return known;
    const made = createSecureContext({
      ca: [...roots],
      ...(own ? { cert: own.certificate, key: own.key } : {}),
    });
    contexts.set(own, made);
    return made;
  };

  return (aim) => {
    const own = trust.clientCertificates.find(({ host }) => names(host, aim)) ?? null;
    return {
      secureContext: contextFor(own),
      shown: own?.host ?? null,
      isVerified: !trust.unverified.some((host) => names(host, aim)),
    };
  };
}

/** What the system trusts, with NODE_EXTRA_CA_CERTS; Node's own list where the system has none. */
function systemRoots(): readonly string[] {
  const system = getCACertificates("system");
  return [...(system.length > 0 ? system : getCACertificates("bundled")), ...getCACertificates("extra")];
}

/** `host` as `shop.test` or `shop.test:8443`; the address counts only where the client sent no name. */
function names(host: string, { upstream, serverName }: Pick<SecureAim, "upstream" | "serverName">): boolean {
  const name = serverName === "" ? upstream.host : serverName;
  const wanted = host.toLowerCase();
  return wanted === name.toLowerCase() || wanted === formatHostPort({ host: name, port: upstream.port });
}
