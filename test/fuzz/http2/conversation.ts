// One conversation: both sides talk at random for a while, something may happen to the upstream, and then all that is open is
// brought to its end.

import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import type { Authority } from "../../../src/core/certificates.ts";
import { maxWindowBytes } from "../../../src/proxy/lanes/http2/frames.ts";
import { Dice } from "../dice.ts";
import { differences, stillOpen, takesRelayed } from "./differences.ts";
import { openParties, type Parties } from "./parties.ts";
import type { Peer } from "./peer.ts";
import { paths, type Scenario } from "./scenario.ts";
import { clientTurn, upstreamTurn } from "./turns.ts";

/** Without a frame, one way or the other, for so many pauses of 2 ms: nobody moves any more. */
const stillPauses = 2_500;

/** What was wrong; nothing where all is well. The same seed throws the same dice, but sockets have a pace of their own. */
export async function converse(seed: number, scenario: Scenario, authority: Authority): Promise<string[]> {
  await using parties = await openParties(seed, scenario, authority);
  const dice = new Dice(seed + 1_000_003);
  await talk(parties, scenario, dice);
  await bring(parties, scenario, dice);
  const { client, upstreams, rig } = parties;
  const left = await finish(parties, scenario);
  client.wire.socket.destroy();
  for (const { wire } of upstreams) wire.socket.destroy();
  for (let pauses = 0; (rig?.active ?? 0) > 0 && pauses < stillPauses; pauses++) await pause(2);
  return (rig?.active ?? 0) > 0 ? [...left, "the connection is still open here"] : left;
}

async function talk(parties: Parties, scenario: Scenario, dice: Dice): Promise<void> {
  for (let left = 40 + dice.below(100); left > 0 && parties.client.wire.ended === null; left--) {
    if (scenario.otherRules && dice.chance(0.1))
      parties.rig?.setRules((dice.chance(0.5) ? scenario.rules : scenario.otherRules) ?? []);
    clientTurn(parties.client, false, paths);
    if (dice.chance(0.7)) await turn();
    for (const upstream of parties.upstreams) upstreamTurn(upstream, false);
    if (dice.chance(0.7)) await turn();
    if (dice.chance(0.1)) await pause(3);
  }
}

/** What happens to the upstream. */
async function bring(parties: Parties, { ending }: Scenario, dice: Dice): Promise<void> {
  if (!ending) return;
  // Its connection for what is relayed: that is where its end concerns the client's.
  const upstream = parties.upstreams.find(takesRelayed);
  if (!upstream) return;
  const { socket } = upstream.wire;
  if (ending === "cut") {
    if (dice.chance(0.5)) socket.end();
    else socket.destroy();
    return;
  }
  const someTurns = async (): Promise<void> => {
    for (let left = 10; left > 0; left--) {
      clientTurn(parties.client, false, paths);
      await turn();
      for (const each of parties.upstreams) upstreamTurn(each, false);
      await turn();
    }
  };
  if (dice.chance(0.5)) {
    upstream.goAway(maxWindowBytes); // RFC 9113 §6.8: a word of warning
    upstream.wire.flush();
    await someTurns();
  }
  const ids = [...upstream.all.keys()];
  upstream.goAway(dice.chance(0.5) ? Math.max(...ids) : (ids[dice.below(ids.length)] ?? 1));
  upstream.wire.flush();
  if (dice.chance(0.5)) await someTurns();
}

/** Until nothing is open or different any more; what still is once nothing moves. */
async function finish({ client, upstreams }: Parties, scenario: Scenario): Promise<string[]> {
  const moved = (): number => [client, ...upstreams].reduce((sum, { wire }) => sum + wire.received, 0);
  let wrong: string[] = [];
  for (let still = 0, last = -1; still < stillPauses; still++) {
    if (client.wire.ended === null) clientTurn(client, true, paths);
    await turn();
    for (const upstream of upstreams) if (upstream.wire.ended === null) upstreamTurn(upstream, true);
    await pause(2);
    const now = moved();
    if (now !== last) still = 0;
    last = now;
    const open = stillOpen(client, upstreams, scenario);
    if (open.length > 0 && still < stillPauses - 1) continue;
    const problems = [client, ...upstreams].flatMap((peer: Peer) => peer.problems);
    wrong = [...problems, ...open, ...differences(client, upstreams, scenario)];
    if (wrong.length === 0 || problems.length > 0) break;
  }
  return wrong;
}
