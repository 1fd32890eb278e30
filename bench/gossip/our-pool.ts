// A pool of our members on real sockets and real time, in this process: the same protocol as in a sidecar, without the rest.

import type { Mesh } from "../../src/control/mesh/mesh.ts";
import { openMesh } from "../../src/control/mesh/open-mesh.ts";
import { lanTiming } from "../../src/control/mesh/swim/timing.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import type { Pool } from "./kill-rounds.ts";

/** Resolves once all know each other. */
export async function openOurPool(size: number): Promise<Pool> {
  const members: Mesh[] = [];
  let heard: (who: number, text: string) => void = () => undefined;
  for (let index = 0; index < size; index++)
    members.push(
      await openMesh(
        {
          ...{ name: `m${index}`, bind: { host: "127.0.0.1", port: 0 }, keys: [], timing: lanTiming },
          tags: new Map([["role", "sidecar"]]),
        },
        {
          ...{ clock: systemClock, random: systemRandom },
          onEvent: (event) => {
            if (event.kind === "failed") heard(index, event.member.name);
          },
        },
      ),
    );
  const [first] = members;
  if (first) for (const member of members.slice(1)) await member.join([first.address]);
  const seesAll = (member: Mesh) =>
    member.members().filter(({ status }) => status === "alive").length === size;
  while (!members.every(seesAll)) await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    size,
    onFailed: (hears) => {
      heard = hears;
    },
    nameOf: (index) => `m${index}`,
    // Without a word, as when the process is killed.
    kill: (index) => void members[index]?.close(),
    close: async () => void (await Promise.all(members.map((member) => member.close()))),
  };
}
