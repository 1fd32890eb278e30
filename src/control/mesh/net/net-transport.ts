// The mesh over the real network: one UDP and one TCP socket on the same port.

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { type AddressInfo, connect, createServer, isIPv6, type Server, type Socket } from "node:net";
import type { HostPort } from "../../../core/address.ts";
import { cannotListen } from "../../../core/cannot-listen.ts";
import type { MeshStream, StreamHandler, Transport, TransportHandlers } from "../transport.ts";

/** Attempts at a port that is free for both protocols, where any port will do. */
const maxAttempts = 16;
/** What one datagram can hold. */
const maxDatagramBytes = 65_507;
/** Bytes that wait for a slow network; beyond them packets are lost, as UDP may. */
const maxWaitingBytes = 4 * 1_024 * 1_024;
const receiveBufferBytes = 2 * 1_024 * 1_024;

/** Binds both sockets. `bind.port` 0: any. Rejects with `bad_config` where the address cannot be had. */
export async function openNetTransport(bind: HostPort): Promise<Transport> {
  let problem: unknown;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const server = await listenTcp(bind);
    const { port } = server.address() as AddressInfo; // a TCP server's address is never a path
    try {
      return new NetTransport(server, await bindUdp({ host: bind.host, port }));
    } catch (thrown) {
      server.close();
      problem = thrown;
      if (bind.port !== 0) break;
    }
  }
  throw cannotBind(bind, problem);
}

const cannotBind = (place: HostPort, cause: unknown): Error =>
  cannotListen({ what: "gossip", place, flag: "--gossip" }, cause);

function listenTcp(bind: HostPort): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true });
    server.once("error", (error) => reject(cannotBind(bind, error)));
    server.listen({ ...bind, exclusive: true }, () => resolve(server));
  });
}

function bindUdp(bind: HostPort): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: isIPv6(bind.host) ? "udp6" : "udp4",
      recvBufferSize: receiveBufferBytes,
      // Members are known by address: a look-up would only cost a turn of the event loop for every packet.
      lookup: (host, _options, found) => found(null, host, isIPv6(host) ? 6 : 4),
    });
    socket.once("error", reject);
    socket.bind({ port: bind.port, address: bind.host, exclusive: true }, () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

class NetTransport implements Transport {
  readonly address: HostPort;
  readonly #server: Server;
  readonly #udp: UdpSocket;
  readonly #sockets = new Set<Socket>();
  #handlers: TransportHandlers | null = null;
  #closed = false;

  constructor(server: Server, udp: UdpSocket) {
    this.#server = server;
    this.#udp = udp;
    const { address, port } = udp.address();
    this.address = { host: address, port };
    udp.on("message", (packet, from) =>
      this.#handlers?.packet(packet, { host: from.address, port: from.port }),
    );
    // Errors of UDP are about packets that are lost anyway, of a listener about connections that never came to be.
    udp.on("error", () => undefined);
    server.removeAllListeners("error");
    server.on("error", () => undefined);
    server.on("connection", (socket) => this.#accept(socket));
  }

  attach(handlers: TransportHandlers): void {
    this.#handlers = handlers;
  }

  sendPacket(to: HostPort, packet: Buffer): void {
    if (this.#closed || packet.length > maxDatagramBytes) return;
    if (this.#udp.getSendQueueSize() > maxWaitingBytes) return;
    try {
      this.#udp.send(packet, to.port, to.host, () => undefined);
    } catch {
      // An address of the other family, say: the packet is lost, and the member will be found unreachable.
    }
  }

  dial(to: HostPort, handler: StreamHandler): MeshStream {
    return this.#stream(connect({ ...to, noDelay: true }), to, handler);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#handlers = null;
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.#server.close(() => resolve())),
      new Promise<void>((resolve) => this.#udp.close(resolve)),
    ]);
  }

  #accept(socket: Socket): void {
    const peer = { host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
    let handler: StreamHandler | null = null;
    const stream = this.#stream(socket, peer, {
      data: (chunk) => handler?.data(chunk),
      closed: () => handler?.closed(),
    });
    handler = this.#handlers?.stream(stream) ?? null;
    if (handler === null) socket.destroy();
  }

  #stream(socket: Socket, peer: HostPort, handler: StreamHandler): MeshStream {
    this.#sockets.add(socket);
    socket.on("data", (chunk: Buffer) => handler.data(chunk)); // no encoding is set, so never a string
    socket.on("error", () => undefined); // "close" follows, and says all that is of interest
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (!this.#closed) handler.closed();
    });
    return {
      peer,
      write: (bytes) => void (socket.writable && socket.write(bytes)),
      end: () => void socket.end(),
      destroy: () => void socket.destroy(),
    };
  }
}
