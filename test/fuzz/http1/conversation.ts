// Plays a plan on real sockets: directly, or with the rig between; and tells what each end saw.

import { setTimeout as pause } from "node:timers/promises";
import type { RuleSpec } from "../../../src/core/rule.ts";
import type { CallEvent } from "../../../src/core/tap.ts";
import { connectTo, openRig, openServer, type Rig } from "../../support/rig.ts";
import { Line } from "./line.ts";
import type { Plan } from "./plan.ts";
import { playClient, playUpstream } from "./players.ts";

export interface Seen {
  readonly byClient: string;
  readonly clientEnd: string;
  /** Of all connections. */
  readonly byUpstream: string;
  readonly upstreamEnds: readonly string[];
  readonly calls: readonly CallEvent[];
  /** It came to its end, and nothing is left of it. */
  readonly isOver: boolean;
}

/** By then every conversation is over, on the slowest machine. */
const patienceMs = 15_000;

type Rules = readonly Partial<RuleSpec>[];

/** `rules` null: directly. `otherRules`: they and `rules` are in force by turns, a millisecond each; left out: `rules` are. */
export async function play(plan: Plan, rules: Rules | null, otherRules?: Rules): Promise<Seen> {
  const upstreams: Line[] = [];
  const parts: Promise<void>[] = [];
  let client: Line | null = null;
  const arrived = async (bytes: number) => client?.until(() => (client?.bytes.length ?? 0) >= bytes);
  await using server = await openServer((socket) => {
    const line = new Line(socket);
    upstreams.push(line);
    parts.push(playUpstream(line, plan, arrived));
  });
  const rig = rules && (await openRig({ upstream: server.address, rules }));
  const line = new Line(await connectTo(rig?.address ?? server.address));
  client = line;
  const whole = async (): Promise<true> => {
    await playClient(line, plan);
    await Promise.all(parts);
    for (const upstream of upstreams) await upstream.until(() => false);
    while ((rig?.active ?? 0) > 0) await pause(1);
    return true;
  };
  let isPlaying = true;
  const swap = async (given: Rules, other: Rules): Promise<void> => {
    for (let turns = 0; isPlaying; turns++) {
      rig?.setRules(turns % 2 === 0 ? given : other);
      await pause(1);
    }
  };
  const swapping = rules && otherRules ? swap(rules, otherRules) : null;
  const patience = new AbortController();
  const late = pause(patienceMs, false, { signal: patience.signal }).catch(() => false);
  const isOver = await Promise.race([whole(), late]);
  patience.abort();
  isPlaying = false;
  await swapping;
  const seen = seenBy(line, upstreams, rig, isOver);
  line.socket.destroy();
  await rig?.[Symbol.asyncDispose]();
  return seen;
}

function seenBy(client: Line, upstreams: readonly Line[], rig: Rig | null, isOver: boolean): Seen {
  const calls: CallEvent[] = [];
  for (const event of rig?.events ?? []) if (event.kind === "call") calls.push(event);
  return {
    byClient: client.bytes,
    clientEnd: client.end,
    byUpstream: upstreams.map(({ bytes }) => bytes).join(""),
    upstreamEnds: upstreams.map(({ end }) => end),
    calls,
    isOver,
  };
}
