// TLS to upstreams, verified as strictly as a client would have done it: trusted roots, and the name that it asked for.
// Sessions are resumed, so that a second connection costs no full handshake.
//
//   aim ──► connect TCP ──► handshake ──► channel ──attach──► link
//              └── refused, timeout ──┴── certificate not trusted: connect_failed that says why

import type { Socket } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext, type TLSSocket } from "node:tls";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { UnderstudyError } from "../../core/errors.ts";
import type { SecureInlets } from "../../core/inlet.ts";
import type { SecureAim, SecureDial } from "../../core/link.ts";
import { linkOver, type OpenSocket } from "./adopted-link.ts";
import { OpenChannel } from "./open-channel.ts";
import { createSessionCache } from "./session-cache.ts";
import { tcpFailureText } from "./tcp-failure.ts";
import { shakeHands } from "./tls-handshake.ts";

/** Certificate and key with which we stand in for a client, PEM. */
export interface ClientCertificate {
  /** Server name, or address where there is none; with or without a port. */
  readonly host: string;
  readonly certificate: string;
  readonly key: string;
}

export interface SecureDialDeps {
  readonly clock: Clock;
  /** For the connection and the handshake together. */
  readonly connectMs: number;
  /** Opens TCP to an upstream. Rejects where that fails, and when the signal aborts. */
  readonly inletOf: SecureInlets;
  readonly connectTcp: (upstream: HostPort, signal: AbortSignal) => Promise<Socket>;
  /** Trusted besides the roots of the system, PEM. */
  readonly extraRoots: readonly string[];
  readonly clientCertificates: readonly ClientCertificate[];
  /** Server names or addresses, with or without a port, whose certificate is not verified. */
  readonly unverified: readonly string[];
}

/** What one handshake is made with. */
interface Means {
  readonly own: ClientCertificate | null;
  readonly secureContext: SecureContext;
  readonly signal: AbortSignal;
}

/** Upstreams whose last session is kept. */
const maxSessions = 1_000;

export function createSecureDial(deps: SecureDialDeps): SecureDial {
  const sessions = createSessionCache(maxSessions);
  const contexts = new Map<ClientCertificate | null, SecureContext>();
  let roots: readonly string[] | null = null;

  const ownCertificate = (aim: SecureAim) =>
    deps.clientCertificates.find(({ host }) => names(host, aim)) ?? null;

  // One context for all: parsing some hundred roots takes longer than a handshake.
  const contextFor = (own: ClientCertificate | null): SecureContext => {
    roots ??= [...systemRoots(), ...deps.extraRoots];
    const known = contexts.get(own);
    if (known) return known;
    const made = createSecureContext({
      ca: [...roots],
      ...(own ? { cert: own.certificate, key: own.key } : {}),
    });
    contexts.set(own, made);
    return made;
  };

  async function handshake(aim: SecureAim): Promise<OpenSocket<TLSSocket>> {
    const stop = new AbortController();
    const place = formatHostPort(aim.upstream);
    const timer = deps.clock.after(deps.connectMs, () =>
      stop.abort(
        new UnderstudyError(
          "connect_timeout",
          `${place} did not finish a TLS handshake in ${deps.connectMs} ms`,
        ),
      ),
    );
    try {
      const own = ownCertificate(aim);
      const secureContext = contextFor(own);
      const tcp = await deps.connectTcp(aim.upstream, stop.signal);
      return await secure(tcp, aim, { own, secureContext, signal: stop.signal });
    } catch (thrown) {
      if (stop.signal.aborted) throw stop.signal.reason;
      if (thrown instanceof UnderstudyError) throw thrown;
      throw new UnderstudyError("connect_failed", tcpFailureText(thrown, aim.upstream), { cause: thrown });
    } finally {
      timer.cancel();
    }
  }

  function secure(tcp: Socket, aim: SecureAim, { own, secureContext, signal }: Means) {
    const key = `${aim.serverName} ${formatHostPort(aim.upstream)} ${aim.protocols.join(",")}`;
    const session = sessions.get(key);
    return shakeHands(tcp, {
      aim,
      secureContext,
      shown: own?.host ?? null,
      isVerified: !deps.unverified.some((host) => names(host, aim)),
      session: session ?? null,
      keepSession: (fresh) => sessions.set(key, fresh),
      inletOf: deps.inletOf,
      signal,
    }).catch((thrown) => {
      sessions.delete(key); // in case the session is what the upstream does not like
      throw thrown;
    });
  }

  return {
    open: async (aim) => new OpenChannel(await handshake(aim), aim.upstream),
    link: (aim, events) => linkOver(aim.upstream, events, handshake(aim)),
  };
}

/** What the system trusts, with NODE_EXTRA_CA_CERTS; Node's own list where the system has none. */
function systemRoots(): readonly string[] {
  const system = getCACertificates("system");
  return [...(system.length > 0 ? system : getCACertificates("bundled")), ...getCACertificates("extra")];
}

/** `host` as `shop.test` or `shop.test:8443`; the address counts only where the client sent no name. */
function names(host: string, { upstream, serverName }: SecureAim): boolean {
  const name = serverName === "" ? upstream.host : serverName;
  const wanted = host.toLowerCase();
  return wanted === name.toLowerCase() || wanted === formatHostPort({ host: name, port: upstream.port });
}
