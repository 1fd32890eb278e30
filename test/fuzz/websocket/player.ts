// One side of a plan: says its part when its turn has come.

import { setTimeout as pause } from "node:timers/promises";
import type { End } from "./end.ts";
import type { Plan, Step } from "./plan.ts";

export async function playClient(end: End, { client }: Plan): Promise<void> {
  end.begin();
  await end.until(() => end.hasHead);
  await play(end, client);
}

export async function playUpstream(end: End, { upstream, isGlued }: Plan): Promise<void> {
  await end.until(() => end.hasHead);
  if (!isGlued) end.begin();
  await play(end, upstream);
}

async function play(end: End, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    switch (step.kind) {
      case "say":
        await end.say(step.bytes, step.cuts);
        break;
      case "hear":
        await end.until(() => plainMessages(end) >= step.messages);
        break;
      case "hearClose":
        await end.until(() => end.reader.hasClose);
        break;
      case "hearEnd":
        await end.until(() => false);
        break;
      case "deaf":
        end.listen(false);
        await pause(step.ms);
        end.listen(true);
        break;
      case "rest":
        await pause(step.ms);
        break;
      case "end":
        end.end();
        break;
      case "reset":
        end.reset();
        break;
      default:
        step satisfies never;
    }
  }
  await end.until(() => false);
}

/** Rules are about those with a mark, and so are messages of ours. */
function plainMessages(end: End): number {
  return end.reader.items.filter(({ kind, content }) => kind !== "control" && !content.includes("~")).length;
}
