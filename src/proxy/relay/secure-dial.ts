// TLS to upstreams, verified as strictly as a client would have done it: trusted roots, and the name that it asked for.
// Sessions are resumed, so that a second connection costs no full handshake.
//
//   aim ──► connect TCP ──► handshake ──► channel ──attach──► link
//              └── refused, timeout ──┴── certificate not trusted: connect_failed that says why

import type { Socket } from "node:net";
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { Clock } from "../../core/clock.ts";
import { UnderstudyError } from "../../core/errors.ts";
import type { Inlet, SecureInlets } from "../../core/inlet.ts";
import type { Link, LinkEvents, SecureAim, SecureChannel, SecureDial } from "../../core/link.ts";
import { linkOver, type OpenSocket } from "./adopted-link.ts";
import { createSessionCache } from "./session-cache.ts";

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

/** Upstreams whose last session is kept. */
const maxSessions = 1_000;

export function createSecureDial(deps: SecureDialDeps): SecureDial {
  const sessions = createSessionCache(maxSessions);
  const contexts = new Map<ClientCertificate | null, SecureContext>();
  let roots: readonly string[] | null = null;

  // One context for all: parsing some hundred roots takes longer than a handshake.
  const contextFor = (aim: SecureAim): SecureContext => {
    const own = deps.clientCertificates.find(({ host }) => names(host, aim)) ?? null;
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
      const tcp = await deps.connectTcp(aim.upstream, stop.signal);
      return await secure(tcp, aim, stop.signal);
    } catch (thrown) {
      if (stop.signal.aborted) throw stop.signal.reason;
      if (thrown instanceof UnderstudyError) throw thrown;
      throw new UnderstudyError("connect_failed", failureText(thrown, aim), { cause: thrown });
    } finally {
      timer.cancel();
    }
  }

  function secure(tcp: Socket, aim: SecureAim, signal: AbortSignal): Promise<OpenSocket<TLSSocket>> {
    const unverified = deps.unverified.some((host) => names(host, aim));
    const key = `${aim.serverName} ${formatHostPort(aim.upstream)} ${aim.protocols.join(",")}`;
    const session = sessions.get(key);
    tcp.on("error", () => undefined); // the TLS above tells its own
    const socket = connect({
      socket: tcp,
      secureContext: contextFor(aim),
      host: aim.upstream.host,
      rejectUnauthorized: !unverified,
      checkServerIdentity,
      ...(aim.serverName === "" ? {} : { servername: aim.serverName }),
      ...(aim.protocols.length === 0 ? {} : { ALPNProtocols: [...aim.protocols] }),
      ...(session ? { session } : {}),
    });
    const inlet = deps.inletOf(socket);
    socket.on("session", (fresh) => sessions.set(key, fresh));
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        signal.removeEventListener("abort", onAbort);
        sessions.delete(key); // in case the session is what the upstream does not like
        socket.destroy();
        tcp.destroy();
        reject(error);
      };
      const onAbort = () => fail(signal.reason);
      const onClose = () => fail(new Error("the upstream closed the connection during the TLS handshake"));
      signal.addEventListener("abort", onAbort, { once: true });
      socket.once("error", fail);
      socket.once("close", onClose);
      socket.once("secureConnect", () => {
        signal.removeEventListener("abort", onAbort);
        socket.off("error", fail);
        socket.off("close", onClose);
        // RST is TCP's: TLS has no handle that could send one.
        socket.resetAndDestroy = () => {
          tcp.resetAndDestroy();
          return socket;
        };
        resolve({ socket, inlet });
      });
    });
  }

  return {
    open: async (aim) => new OpenChannel(await handshake(aim), aim.upstream),
    link: (aim, events) => linkOver(aim.upstream, events, handshake(aim)),
  };
}

class OpenChannel implements SecureChannel {
  readonly protocol: string | null;
  readonly #socket: TLSSocket;
  readonly #inlet: Inlet | null;
  readonly #upstream: HostPort;
  #ended = false;
  /** Its end is noticed without taking what the upstream may have said first. */
  readonly #onReadable = (): void => {
    if (this.#socket.readableLength > 0) return;
    this.#ended = true;
    this.#socket.destroy();
  };

  constructor({ socket, inlet }: OpenSocket<TLSSocket>, upstream: HostPort) {
    this.#socket = socket;
    this.#inlet = inlet;
    this.#upstream = upstream;
    this.protocol = socket.alpnProtocol || null;
    socket.on("error", () => undefined); // close follows
    socket.on("readable", this.#onReadable);
  }

  get alive(): boolean {
    return !this.#ended && !this.#socket.destroyed;
  }

  attach(events: LinkEvents): Link {
    this.#socket.off("readable", this.#onReadable);
    const link = linkOver(this.#upstream, events, { socket: this.#socket, inlet: this.#inlet });
    if (!this.#inlet) this.#socket.resume(); // looking for its end has stopped it
    return link;
  }

  destroy(): void {
    this.#socket.destroy();
  }
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

/** `the certificate of shop.test (10.0.0.1:443) is not trusted: CERT_HAS_EXPIRED, certificate has expired; …` */
function failureText(thrown: unknown, { upstream, serverName }: SecureAim): string {
  const place = formatHostPort(upstream);
  const error: NodeJS.ErrnoException = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = error.code ?? "";
  if (code === "ECONNREFUSED") return `${place} refused the connection`;
  if (code === "ENOTFOUND") return `${upstream.host} has no address`;
  const name = serverName === "" ? place : `${serverName} (${place})`;
  if (isPlain(code)) return `${name} does not speak TLS`;
  const told = opensslReason(code, error);
  if (told !== null) return `${name}: the TLS handshake failed: ${told}`;
  if (!isAboutCertificate(code)) return `${name}: ${code === "" ? "" : `${code}, `}${error.message}`;
  const reason = error.message.replace(/; if the root CA is installed locally.*$/, ""); // advice about Node's flags
  return (
    `the certificate of ${name} is not trusted: ${code}, ${reason}; --upstream-cas FILE adds its authority, ` +
    `--insecure-upstream ${serverName || upstream.host} takes any certificate`
  );
}

/** What came back is no TLS record. */
function isPlain(code: string): boolean {
  return code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG";
}

/** `tlsv1 alert protocol version`: OpenSSL's own words, without places in its source; null where it has said none. */
function opensslReason(code: string, error: Error & { readonly reason?: unknown }): string | null {
  return code.startsWith("ERR_SSL_") && typeof error.reason === "string" ? error.reason : null;
}

/** OpenSSL's verification codes as Node names them (X509_V_ERR_…), and Node's own for a name that does not fit. */
function isAboutCertificate(code: string): boolean {
  return /^(?:CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|INVALID_CA|HOSTNAME_MISMATCH|PATH_LENGTH)/.test(
    code,
  );
}
