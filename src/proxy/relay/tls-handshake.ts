// The client's part of one TLS handshake with an upstream, and how what follows is told. In TLS 1.3 the upstream says only after
// the handshake whether it takes the certificate of the client (RFC 8446 §4.4.2.4): a connection that ends before it has said
// anything else was never open.

import { isIP } from "node:net";
import { checkServerIdentity, connect, type TLSSocket } from "node:tls";
import { UnderstudyError } from "../../core/errors.ts";
import type { SecureInlets } from "../../core/inlet.ts";
import type { Carrier, SecureAim } from "../../core/link.ts";
import type { Ending, OpenSocket } from "./adopted-link.ts";
import { tlsBreakText, tlsFailureText } from "./tls-failure.ts";
import type { Terms } from "./upstream-trust.ts";

export interface Handshake extends Terms {
  readonly aim: SecureAim;
  /** To be resumed. */
  readonly session: Buffer | null;
  /** null: the last one is good for nothing. */
  readonly keepSession: (session: Buffer | null) => void;
  readonly inletOf: SecureInlets;
  /** Ends the attempt; its reason is what the promise rejects with. */
  readonly signal: AbortSignal;
}

/** Takes the carrier over. Rejects with connect_failed, which says why, or the signal's reason; it is gone then. */
export function shakeHands(carrier: Carrier, handshake: Handshake): Promise<OpenSocket<TLSSocket>> {
  const { aim, signal, shown } = handshake;
  const socket = connect({
    socket: carrier,
    secureContext: handshake.secureContext,
    host: aim.serverName === "" ? aim.upstream.host : aim.serverName,
    rejectUnauthorized: handshake.isVerified,
    checkServerIdentity,
    // RFC 6066 §3 knows no addresses there; some clients name one all the same, and servers overlook it.
    ...(aim.serverName === "" || isIP(aim.serverName) !== 0 ? {} : { servername: aim.serverName }),
    ...(aim.protocols.length === 0 ? {} : { ALPNProtocols: [...aim.protocols] }),
    ...(handshake.session ? { session: handshake.session } : {}),
  });
  const inlet = handshake.inletOf(socket);
  socket.on("session", handshake.keepSession);
  const hasAsked = watchRequest(socket);
  return new Promise((resolve, reject) => {
    const give = (reason: unknown) => {
      signal.removeEventListener("abort", onAbort);
      handshake.keepSession(null); // in case the session is what the upstream does not like
      socket.destroy();
      carrier.destroy();
      reject(reason);
    };
    // The TLS above tells its own; only the carrier knows why it could not be opened, whichever of the two passes it on.
    carrier.on("error", (error) => error instanceof UnderstudyError && give(error));
    const fail = (cause: Error | null) => {
      if (cause instanceof UnderstudyError) return give(cause);
      const text = tlsFailureText(cause, { aim, asked: hasAsked(), shown });
      give(new UnderstudyError("connect_failed", text, { cause }));
    };
    const onAbort = () => give(signal.reason);
    const onClose = () => fail(null);
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("error", fail);
    socket.once("close", onClose);
    socket.once("secureConnect", () => {
      signal.removeEventListener("abort", onAbort);
      // Not without any listener until somebody takes the socket up: it may break in between.
      socket.on("error", () => undefined);
      socket.off("error", fail);
      socket.off("close", onClose);
      // RST is TCP's: TLS has no handle that could send one.
      socket.resetAndDestroy = () => {
        carrier.resetAndDestroy();
        return socket;
      };
      resolve({ socket, inlet, ending: (error) => endingOf(socket, error, handshake, hasAsked()) });
    });
  });
}

/**
 * Whether the upstream has asked for a client certificate (RFC 8446 §4.3.2, RFC 5246 §7.4.4). Node does not tell; but of a
 * client OpenSSL works out the signatures that both sides know only when it is asked for one.
 */
function watchRequest(socket: TLSSocket): () => boolean {
  let asked = false;
  const look = () => {
    const shared: readonly string[] | null = socket.getSharedSigalgs(); // null: its handle is gone
    if (shared && shared.length > 0) asked = true;
  };
  socket.once("secureConnect", look);
  socket.prependOnceListener("end", look); // before Node takes it for the end of the handshake
  socket.once("error", look);
  return () => asked;
}

function endingOf(
  socket: TLSSocket,
  error: Error | null,
  { aim, shown, keepSession }: Handshake,
  asked: boolean,
): Ending | null {
  // A FIN to which nothing was said is an idle connection's.
  const isUnheard = asked && socket.bytesRead === 0 && (error !== null || socket.bytesWritten > 0);
  if (isUnheard) {
    keepSession(null); // resumed, it would be refused again, and without a request for a certificate
    return { how: "refused", detail: tlsFailureText(error, { aim, asked, shown }) };
  }
  return error && { how: "reset", detail: tlsBreakText(error, aim) };
}
