// Many members in one process, on simulated time and a network in memory. The same seed gives the same run.

import { type MeshEvent, SerfNode } from "../../../../src/control/mesh/serf/serf-node.ts";
import { encodeTags } from "../../../../src/control/mesh/serf/tags.ts";
import { SwimNode, type UpperLayer } from "../../../../src/control/mesh/swim/swim-node.ts";
import { lanTiming, type SwimTiming } from "../../../../src/control/mesh/swim/timing.ts";
import { ourVersions } from "../../../../src/control/mesh/swim/versions.ts";
import { bytesOfHost } from "../../../../src/control/mesh/wire/ip-bytes.ts";
import { Keyring } from "../../../../src/control/mesh/wire/keyring.ts";
import type { Alive } from "../../../../src/control/mesh/wire/messages.ts";
import type { Clock } from "../../../../src/core/clock.ts";
import { type Random, seededRandom } from "../../../../src/core/random.ts";
import { MemoryNetwork, type MemoryTransport } from "./memory-network.ts";
import { SimulatedClock } from "./simulated-clock.ts";

export interface SimulationOptions {
  readonly members: number;
  readonly seed: number;
  readonly timing?: SwimTiming;
  /** Left out: nothing is encrypted. */
  readonly key?: Uint8Array;
  /** Wall clocks differ by up to so much, either way; default 50. */
  readonly skewMs?: number;
  /** Everybody knows everybody from the start; false: nobody knows anybody. */
  readonly acquainted?: boolean;
}

export interface Simulated {
  readonly index: number;
  readonly name: string;
  readonly host: string;
  readonly swim: SwimNode;
  readonly transport: MemoryTransport;
  stop(): void;
}

export interface SimulatedSerf extends Simulated {
  readonly serf: SerfNode;
  readonly events: MeshEvent[];
}

export type HearsEvent = (index: number, event: MeshEvent) => void;

/** What is common to simulations of the one layer and of both. */
export class Simulation {
  readonly clock = new SimulatedClock();
  readonly random: Random;
  readonly network: MemoryNetwork;
  /** By how much each wall clock is wrong. */
  readonly #skewsMs = new Map<number, number>();
  readonly #claims: readonly Alive[];
  readonly #options: SimulationOptions;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    this.network = new MemoryNetwork(this.clock, this.random);
    this.#claims = Array.from({ length: options.members }, (_, index) => claimOf(index));
  }

  /** Members without the layer above: cheap, for many. */
  swimMembers(upper: (index: number) => Partial<UpperLayer>): readonly Simulated[] {
    return this.#claims.map((self, index) => {
      const transport = this.network.open(hostOf(index));
      const swim = new SwimNode({
        ...this.#deps(index, self, transport),
        upper: { ...idleUpperLayer, ...upper(index) },
      });
      swim.start();
      return this.#simulated(index, swim, transport, () => swim.stop());
    });
  }

  /** `hears`: told of every event of every member. */
  serfMembers(hears: HearsEvent = () => undefined): SimulatedSerf[] {
    return this.#claims.map((_, index) => this.serfMember(index, 1, hears));
  }

  /** One more, or one that starts again. */
  serfMember(index: number, incarnation = 1, hears: HearsEvent = () => undefined): SimulatedSerf {
    const events: MeshEvent[] = [];
    const transport = this.network.open(hostOf(index));
    const self = { ...claimOf(index), Incarnation: incarnation };
    const serf = new SerfNode({
      ...this.#deps(index, self, transport),
      tell: (event) => {
        if (events.length < 10_000) events.push(event);
        hears(index, event);
      },
      answers: {
        query: ({ name, payload }, respond) => name === "echo" && respond(payload),
        fetch: ({ name, payload }, respond) => respond(name === "echo" ? payload : null),
      },
    });
    serf.start();
    return { ...this.#simulated(index, serf.swim, transport, () => serf.stop()), serf, events };
  }

  /** From here on the wall clock of that member shows `ms` more than before, or less. */
  jumpWall(index: number, ms: number): void {
    this.#skewsMs.set(index, (this.#skewsMs.get(index) ?? 0) + ms);
  }

  #deps(index: number, self: Alive, transport: MemoryTransport) {
    return {
      clock: this.#skewed(index),
      random: this.random,
      timing: this.#options.timing ?? lanTiming,
      keyring: new Keyring(this.#options.key === undefined ? [] : [this.#options.key]),
      transport,
      self,
      known: this.#options.acquainted === false ? [] : this.#claims,
    };
  }

  #skewed(index: number): Clock {
    this.#skewsMs.set(index, (2 * this.random.next() - 1) * (this.#options.skewMs ?? 50));
    const { clock } = this;
    const skew = () => this.#skewsMs.get(index) ?? 0;
    return {
      now: () => clock.now(),
      wall: () => clock.wall() + skew(),
      wallAt: (nowMs) => clock.wallAt(nowMs) + skew(),
      after: (delayMs, fire) => clock.after(delayMs, fire),
    };
  }

  #simulated(index: number, swim: SwimNode, transport: MemoryTransport, stop: () => void): Simulated {
    const kill = () => {
      stop();
      void transport.close();
    };
    return { index, name: nameOf(index), host: hostOf(index), swim, transport, stop: kill };
  }
}

export const nameOf = (index: number): string => `m${index}`;
export const hostOf = (index: number): string => `10.0.${index >> 8}.${index & 255}`;

function claimOf(index: number): Alive {
  return {
    Incarnation: 1,
    Node: nameOf(index),
    Addr: bytesOfHost(hostOf(index)) ?? Buffer.alloc(4),
    Port: 7_946,
    Meta: encodeTags(new Map([["n", String(index)]])),
    Vsn: ourVersions,
  };
}

const nothing = Buffer.alloc(0);
const idleUpperLayer: UpperLayer = {
  joined: () => undefined,
  updated: () => undefined,
  gone: () => undefined,
  conflict: () => undefined,
  suspected: () => undefined,
  refuted: () => undefined,
  userMessage: () => undefined,
  localState: () => nothing,
  remoteState: () => undefined,
  dropped: () => undefined,
};
