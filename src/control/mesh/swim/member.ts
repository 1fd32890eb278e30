// One member as the protocol sees it.

import type { HostPort } from "../../../core/address.ts";
import { hashText } from "../../../core/random.ts";
import { hostOfBytes } from "../wire/ip-bytes.ts";
import type { Alive, NodeState } from "../wire/messages.ts";

export type SwimState = "alive" | "suspect" | "dead" | "left";

/** In the order of their numbers on the wire. */
const states: readonly SwimState[] = ["alive", "suspect", "dead", "left"];

export const stateNumber = (state: SwimState): number => states.indexOf(state);
/** undefined: no such state. */
export const stateOfNumber = (number: number): SwimState | undefined => states[number];

/** A bound on meta that all members keep. */
export const maxMetaBytes = 512;
export const maxNameBytes = 255;

/** What others read; the table alone changes it. */
export interface SwimMember extends HostPort {
  readonly name: string;
  /** Of `host`: 4 or 16 bytes. */
  readonly addr: Buffer;
  readonly meta: Buffer;
  readonly vsn: Buffer;
  readonly incarnation: number;
  readonly state: SwimState;
  /** On `clock.now()`. */
  readonly changedAtMs: number;
}

/** The table's own view of a member. */
export class MemberEntry implements SwimMember {
  readonly name: string;
  /** Its place on the ring of members. */
  readonly rank: number;
  host: string;
  port: number;
  addr: Buffer;
  meta: Buffer;
  vsn: Buffer;
  incarnation = 0;
  state: SwimState = "dead";
  changedAtMs: number;

  /** Dead with incarnation 0: the alive message that brought it is yet to be applied. */
  constructor(alive: Alive, host: string, nowMs: number) {
    this.name = alive.Node;
    this.rank = hashText(alive.Node);
    this.host = host;
    this.port = alive.Port;
    this.addr = alive.Addr;
    this.meta = alive.Meta;
    this.vsn = alive.Vsn;
    this.changedAtMs = nowMs;
  }

  aliveMessage(): Alive {
    return {
      Incarnation: this.incarnation,
      Node: this.name,
      Addr: this.addr,
      Port: this.port,
      Meta: this.meta,
      Vsn: this.vsn,
    };
  }

  nodeState(): NodeState {
    return {
      Name: this.name,
      Addr: this.addr,
      Port: this.port,
      Meta: this.meta,
      Incarnation: this.incarnation,
      State: stateNumber(this.state),
      Vsn: this.vsn,
    };
  }
}

export const isLive = (member: SwimMember): boolean => member.state === "alive" || member.state === "suspect";

/** The host of a claim that can be believed as to its form; null: drop it. */
export function hostOfClaim(alive: Alive): string | null {
  if (alive.Meta.length > maxMetaBytes || alive.Port === 0) return null;
  if (alive.Node === "" || Buffer.byteLength(alive.Node) > maxNameBytes) return null;
  return hostOfBytes(alive.Addr);
}
