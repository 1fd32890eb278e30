// TLS to upstreams, verified as strictly as a client would have done it: trusted roots, and the name that it asked for.
// Sessions are resumed, so that a second connection costs no full handshake.
//
//   aim ──► connect TCP ──► handshake ──► channel ──attach──► link
//              └── refused, timeout ──┴── certificate not trusted: connect_failed that says why

import type { TLSSocket } from "node:tls";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { UnderstudyError } from "../../core/errors.ts";
import type { SecureInlets } from "../../core/inlet.ts";
import type { Carrier, SecureAim, SecureDial } from "../../core/link.ts";
import { linkOver, type OpenSocket } from "./adopted-link.ts";
import { OpenChannel } from "./open-channel.ts";
import { createSessionCache } from "./session-cache.ts";
import { tcpFailureText } from "./tcp-failure.ts";
import { shakeHands } from "./tls-handshake.ts";
import { createTerms, type UpstreamTrust } from "./upstream-trust.ts";

export interface SecureDialDeps extends UpstreamTrust {
  readonly clock: Clock;
  /** For the connection and the handshake together. */
  readonly connectMs: number;
  readonly inletOf: SecureInlets;
  /** Opens TCP to an upstream. Rejects where that fails, and when the signal aborts. */
  readonly connectTcp: (upstream: HostPort, signal: AbortSignal) => Promise<Carrier>;
}

/** Upstreams whose last session is kept. */
const maxSessions = 1_000;

export function createSecureDial(deps: SecureDialDeps): SecureDial {
  const handshake = createHandshakes(deps);
  return {
    open: async (aim) => new OpenChannel(await handshake(aim), aim.upstream),
    link: (aim, events) => linkOver(aim.upstream, events, handshake(aim)),
  };
}

/** Resolves once the handshake is done. Rejects with connect_failed, which says why, or connect_timeout. */
export function createHandshakes(deps: SecureDialDeps): (aim: SecureAim) => Promise<OpenSocket<TLSSocket>> {
  const sessions = createSessionCache(maxSessions);
  const termsFor = createTerms(deps);

  async function handshake(aim: SecureAim): Promise<OpenSocket<TLSSocket>> {
    const stop = new AbortController();
    const place = formatHostPort(aim.upstream);
    // Before our own timer: where what lies below has the same deadline, it is the one that knows who was silent.
    const opening = aim.carrier ? aim.carrier() : deps.connectTcp(aim.upstream, stop.signal);
    const timer = deps.clock.after(deps.connectMs, () =>
      stop.abort(
        new UnderstudyError(
          "connect_timeout",
          `${place} did not finish a TLS handshake in ${deps.connectMs} ms`,
        ),
      ),
    );
    let carrier: Carrier | null = null;
    try {
      carrier = await opening;
      return await secure(carrier, aim, stop.signal);
    } catch (thrown) {
      carrier?.destroy();
      if (stop.signal.aborted) throw stop.signal.reason;
      if (thrown instanceof UnderstudyError) throw thrown;
      throw new UnderstudyError("connect_failed", tcpFailureText(thrown, aim.upstream), { cause: thrown });
    } finally {
      timer.cancel();
    }
  }

  function secure(carrier: Carrier, aim: SecureAim, signal: AbortSignal): Promise<OpenSocket<TLSSocket>> {
    const key = `${aim.serverName} ${formatHostPort(aim.upstream)} ${aim.protocols.join(",")}`;
    return shakeHands(carrier, {
      ...termsFor(aim),
      aim,
      session: sessions.get(key) ?? null,
      keepSession: (fresh) => (fresh ? sessions.set(key, fresh) : sessions.delete(key)),
      inletOf: deps.inletOf,
      signal,
    });
  }

  return handshake;
}
