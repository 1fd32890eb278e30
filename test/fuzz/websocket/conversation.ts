// One conversation: both sides play their part of the plan, perhaps while rules change; then what each got is judged.

import { setTimeout as pause } from "node:timers/promises";
import type { Authority } from "../../../src/core/certificates.ts";
import { differences } from "./differences.ts";
import { openParties, type Parties } from "./parties.ts";
import { planOf } from "./plan.ts";
import { playClient, playUpstream } from "./player.ts";
import { isMarked, type Scenario } from "./scenario.ts";

/** By then every conversation is over, on the slowest machine. */
const patienceMs = 15_000;

/** What was wrong; nothing where all is well. */
export async function converse(seed: number, scenario: Scenario, authority: Authority): Promise<string[]> {
  const plan = planOf(seed, {
    isMarked: isMarked(scenario),
    // Node's TLS may lose what is said behind the other side's end.
    isHalfOpen: !scenario.isSecure,
  });
  await using parties = await openParties(plan, scenario, authority);
  const { client, rig } = parties;
  let isPlaying = true;
  const whole = async (): Promise<true> => {
    const playing = playClient(client, plan);
    await Promise.all([playing, playUpstream(await parties.upstream, plan)]);
    isPlaying = false;
    // A stream of HTTP/2 is over, its connection is not.
    while (scenario.over === "HTTP/1" && (rig?.active ?? 0) > 0) await pause(1);
    return true;
  };
  const swapping = swap(parties, scenario, () => isPlaying);
  const patience = new AbortController();
  const late = pause(patienceMs, false, { signal: patience.signal }).catch(() => false);
  const isOver = await Promise.race([whole(), late]);
  patience.abort();
  isPlaying = false;
  await swapping;
  if (!isOver) return ["it never ends", ...stateOf(client)];
  return differences(client, await parties.upstream, plan, scenario);
}

function stateOf({ ended, reader }: Parties["client"]): string[] {
  return [`the client has ${reader.items.length} items, and its connection is ${ended}`];
}

/** The rules of the scenario by turns, a few milliseconds each. */
async function swap({ rig }: Parties, { rules, otherRules }: Scenario, isOn: () => boolean): Promise<void> {
  for (let turns = 1; rules && otherRules && isOn(); turns++) {
    await pause(4);
    rig?.setRules(turns % 2 === 0 ? rules : otherRules);
  }
}
