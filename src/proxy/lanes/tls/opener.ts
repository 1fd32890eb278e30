// Opens one TLS connection that a rule concerns: finds out what the upstream speaks, does the server's part of the
// handshake with a leaf for the name that the client asked for, and hands the plain bytes to the lane of their protocol.
//
//   hello ──► upstream handshake ──► ALPN that it picked ──► our handshake ──► lane        h2 offered
//         └── http/1.1 or nothing offered: nothing to find out; the upstream is dialled by the first call that needs it
//
// An upstream that cannot be had is not the end: mocks answer without it, and a relayed call gets 502 with the reason.

import { formatHostPort, type HostPort } from "../../../core/address.ts";
import type { Authority } from "../../../core/certificates.ts";
import type { Clock } from "../../../core/clock.ts";
import type { Connection } from "../../../core/connection.ts";
import type { SecureInlets } from "../../../core/inlet.ts";
import type { Protocol, Traffic } from "../../../core/lane.ts";
import type { Dial, SecureAim, SecureChannel, SecureDial } from "../../../core/link.ts";
import { LinkStream } from "../link-stream.ts";
import type { ClientHello } from "./client-hello.ts";
import { createLeafServers, type LeafKeys } from "./leaf-servers.ts";
import { OpenedConnection } from "./opened-connection.ts";
import { Reception } from "./reception.ts";

/** A connection that is to be opened. */
export interface Opening {
  readonly connection: Connection;
  readonly upstream: HostPort;
  readonly hello: ClientHello;
  /** The SNI; "" where the client asked for no name. */
  readonly serverName: string;
  /** What the leaf is for: the SNI, or the address that was dialled. */
  readonly name: string;
  readonly keys: LeafKeys;
  /** The bytes so far, which begin with the hello. */
  readonly first: Buffer;
}

export interface Opener {
  /** As of the authority. */
  readonly scheme: number;
  /**
   * Takes the connection over. `heard` tells, once, how the client took our certificate: null for well. Rejects, with
   * the connection untouched, where no leaf can be issued.
   */
  open(opening: Opening, heard: (error: Error | null) => void): Promise<void>;
}

export interface OpenerDeps {
  readonly authority: Authority;
  readonly secureDial: SecureDial;
  readonly inletOf: SecureInlets;
  readonly traffic: Traffic;
}

/** Leaves kept for the next connection to the same server. */
const maxLeafServers = 1_000;
/** Upstreams known to be out of reach, so that not every connection waits for them. */
const maxUnreachable = 1_000;
const unreachableForMs = 10_000;
/** A client that offers h2 waits at most so long for what the upstream speaks; then it is answered without knowing. */
const askMs = 2_000;

const plainProtocols: ReadonlySet<string> = new Set(["http/1.1", "http/1.0"]);
/** gRPC's C core called it so before, and its versions up to 2023 prefer that name among themselves. */
const http2Protocols: ReadonlySet<string> = new Set(["h2", "grpc-exp"]);

export function createOpener({ authority, secureDial, inletOf, traffic }: OpenerDeps): Opener {
  const { clock } = traffic;
  const servers = createLeafServers({
    authority,
    clock,
    most: maxLeafServers,
    handshakeMs: traffic.settings.deadlines.headMs,
    inletOf,
  });
  const unreachable = new Map<string, number>();

  /** null where the upstream cannot be had, or need not be asked. */
  async function channelFor(aim: SecureAim): Promise<SecureChannel | null> {
    if (aim.protocols.every((protocol) => plainProtocols.has(protocol))) return null;
    // With what was offered: an upstream that speaks none of it may well be had by others.
    const offered = [...http2Protocols, ...plainProtocols].filter((name) => aim.protocols.includes(name));
    const key = [aim.serverName, formatHostPort(aim.upstream), ...offered].join(" ");
    if ((unreachable.get(key) ?? 0) > clock.now()) return null;
    try {
      const channel = await withinAskMs(secureDial.open(aim), clock);
      unreachable.delete(key);
      return channel;
    } catch {
      // Its reason is told by the first call that needs the upstream.
      unreachable.delete(key);
      unreachable.set(key, clock.now() + unreachableForMs);
      for (const oldest of unreachable.keys()) {
        if (unreachable.size <= maxUnreachable) break;
        unreachable.delete(oldest);
      }
      return null;
    }
  }

  return {
    scheme: authority.scheme,
    async open(opening, heard) {
      const { connection, hello, serverName, upstream, first } = opening;
      const { socket } = connection;
      socket.on("error", () => undefined); // close follows, wherever somebody cares
      const { protocols } = hello;
      const { nowhere, dial: way } = connection;
      const carrier = way && nowhere === undefined ? () => new LinkStream(upstream, way) : undefined;
      const aim = { upstream, serverName, protocols, ...(carrier ? { carrier } : {}) };
      const channel = nowhere === undefined ? await channelFor(aim) : null;
      const protocol = channel ? channel.protocol : fallback(protocols);
      const server = await servers.for(opening.name, opening.keys).catch((thrown) => {
        channel?.destroy();
        throw thrown;
      });
      const upstreams = new Upstreams(secureDial, { ...aim, protocols: protocol ? [protocol] : [] }, channel);
      socket.once("close", () => upstreams.close());
      if (socket.destroyed) return upstreams.close();
      socket.unshift(first);
      const reception = new Reception(clock, heard);
      const secured = await server.accept(socket, protocol, reception.spoke).catch((error: Error) => {
        reception.settle(error);
        return null;
      });
      if (!secured) return;
      secured.socket.on("error", () => undefined);
      const dial = nowhere === undefined ? upstreams.dial : (way ?? upstreams.dial);
      const opened = new OpenedConnection(connection, secured, serverName, dial);
      traffic.route(opened, null, laneOf(protocol));
      reception.watch(secured.socket, secured.inlet !== null);
    },
  };
}

/** The channel, or a rejection after `askMs`; a channel that comes later than that is not used. */
function withinAskMs(opening: Promise<SecureChannel>, clock: Clock): Promise<SecureChannel> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = clock.after(askMs, () => {
      late = true;
      reject(new Error(`the upstream did not finish a TLS handshake in ${askMs} ms`));
    });
    opening.then((channel) => {
      timer.cancel();
      if (late) channel.destroy();
      else resolve(channel);
    }, reject);
    opening.catch(() => timer.cancel());
  });
}

/** The upstream side of one opened connection: its first link is the channel that is open already, if any. */
class Upstreams {
  readonly #secureDial: SecureDial;
  readonly #aim: SecureAim;
  #channel: SecureChannel | null;

  constructor(secureDial: SecureDial, aim: SecureAim, channel: SecureChannel | null) {
    this.#secureDial = secureDial;
    this.#aim = aim;
    this.#channel = channel;
  }

  readonly dial: Dial = (upstream, events) => {
    const channel = this.#channel;
    this.#channel = null;
    if (channel?.alive) return channel.attach(events);
    return this.#secureDial.link({ ...this.#aim, upstream }, events);
  };

  /** Gives up what no link was made of. */
  close(): void {
    this.#channel?.destroy();
    this.#channel = null;
  }
}

/** Without an upstream to ask: HTTP/1 where the client speaks it, since every rule can answer there. */
function fallback(protocols: readonly string[]): string | null {
  return ["http/1.1", ...http2Protocols].find((protocol) => protocols.includes(protocol)) ?? null;
}

/** null: its first bytes tell. */
function laneOf(protocol: string | null): Protocol | null {
  if (protocol === null) return null;
  if (http2Protocols.has(protocol)) return "http/2";
  return plainProtocols.has(protocol) ? "http/1" : "opaque";
}
