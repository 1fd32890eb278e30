// A network in memory: packets get lost, doubled, late and out of order; links fail in one direction or in both. Streams
// lose nothing, but a lossy link makes them slow, as TCP's retransmissions do.

import type {
  MeshStream,
  StreamHandler,
  Transport,
  TransportHandlers,
} from "../../../../src/control/mesh/transport.ts";
import type { HostPort } from "../../../../src/core/address.ts";
import type { Random } from "../../../../src/core/random.ts";
import type { SimulatedClock } from "./simulated-clock.ts";

export interface Weather {
  /** Share of the packets. */
  readonly loss: number;
  readonly duplication: number;
  /** Packets held back, so that later ones overtake them. */
  readonly reordering: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Whether streams work at all. */
  readonly streams: boolean;
}

export const fairWeather: Weather = {
  loss: 0,
  duplication: 0,
  reordering: 0,
  delayMs: 0.3,
  jitterMs: 0.4,
  streams: true,
};

/** TCP's first time-outs, of a connection and of data; each further one doubles. */
const connectRetryMs = 1_000;
const dataRetryMs = 200;

export class MemoryNetwork {
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly #hosts = new Map<string, MemoryTransport>();
  weather: Weather = fairWeather;
  /** Whether packets from the one host do not reach the other. */
  blocked: (from: string, to: string) => boolean = () => false;
  packets = 0;
  bytes = 0;
  streamBytes = 0;

  constructor(clock: SimulatedClock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  /** A host; a former one of that name is gone. */
  open(host: string): MemoryTransport {
    const transport = new MemoryTransport(this, { host, port: 7_946 });
    this.#hosts.set(host, transport);
    return transport;
  }

  find(host: string): MemoryTransport | undefined {
    const found = this.#hosts.get(host);
    return found?.closed === false ? found : undefined;
  }

  packet(from: HostPort, to: HostPort, packet: Buffer): void {
    this.packets++;
    this.bytes += packet.length;
    const { loss, duplication, reordering } = this.weather;
    if (this.blocked(from.host, to.host) || this.random.next() < loss) return;
    const copies = this.random.next() < duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const heldBack = this.random.next() < reordering ? 20 : 1;
      this.clock.after(this.delay() * heldBack, () => this.find(to.host)?.handlers?.packet(packet, from));
    }
  }

  delay(): number {
    return this.weather.delayMs + this.random.next() * this.weather.jitterMs;
  }

  /** How long one trip takes when lost segments are sent again; null: it never arrives. */
  trip(from: string, to: string, retryMs: number): number | null {
    if (this.blocked(from, to) || this.blocked(to, from) || !this.weather.streams) return null;
    let late = 0;
    for (let retry = retryMs; this.random.next() < this.weather.loss; retry *= 2) late += retry;
    return this.delay() + late;
  }
}

export class MemoryTransport implements Transport {
  readonly address: HostPort;
  readonly #network: MemoryNetwork;
  handlers: TransportHandlers | null = null;
  closed = false;

  constructor(network: MemoryNetwork, address: HostPort) {
    this.#network = network;
    this.address = address;
  }

  attach(handlers: TransportHandlers): void {
    this.handlers = handlers;
  }

  sendPacket(to: HostPort, packet: Buffer): void {
    if (!this.closed) this.#network.packet(this.address, to, packet);
  }

  dial(to: HostPort, handler: StreamHandler): MeshStream {
    const near = new End(this.#network, this.address, to, handler);
    const tripMs = this.#network.trip(this.address.host, to.host, connectRetryMs);
    if (tripMs !== null)
      this.#network.clock.after(tripMs, () => {
        const far = this.#network.find(to.host);
        const end = new End(this.#network, to, this.address, null);
        const accepted = far?.handlers?.stream(end) ?? null;
        if (accepted === null) return near.shut();
        end.handler = accepted;
        end.connect(near);
        near.connect(end);
      });
    return near;
  }

  /** As when the process is killed. */
  async close(): Promise<void> {
    this.closed = true;
    this.handlers = null;
  }
}

class End implements MeshStream {
  readonly #network: MemoryNetwork;
  readonly #self: HostPort;
  readonly peer: HostPort;
  handler: StreamHandler | null;
  readonly #waiting: (() => void)[] = [];
  #other: End | null = null;
  /** When the last bytes arrive: later ones must not overtake them. */
  #busyUntil = 0;
  #shut = false;

  constructor(network: MemoryNetwork, self: HostPort, peer: HostPort, handler: StreamHandler | null) {
    this.#network = network;
    this.#self = self;
    this.peer = peer;
    this.handler = handler;
  }

  connect(other: End): void {
    this.#other = other;
    for (const send of this.#waiting.splice(0)) send();
  }

  write(bytes: Buffer): void {
    this.#network.streamBytes += bytes.length;
    this.#send((other) => other.handler?.data(Buffer.from(bytes)));
  }

  end(): void {
    this.#send((other) => other.shut());
  }

  destroy(): void {
    if (this.#shut) return;
    this.end();
    this.#shut = true;
    this.handler?.closed();
  }

  shut(): void {
    if (this.#shut) return;
    this.#shut = true;
    this.handler?.closed();
  }

  #send(deliver: (other: End) => void): void {
    if (this.#shut) return;
    if (this.#other === null) return void this.#waiting.push(() => this.#send(deliver));
    const other = this.#other;
    const { clock } = this.#network;
    const tripMs = this.#network.trip(this.#self.host, this.peer.host, dataRetryMs);
    if (tripMs === null) return;
    this.#busyUntil = Math.max(this.#busyUntil, clock.now() + tripMs);
    clock.after(this.#busyUntil - clock.now(), () => deliver(other));
  }
}
