// Rules from another sidecar while the store is away: whoever lacks the newest ones asks a member of the same service and
// namespace that says it has them, one at a time. Only in a mesh with keys: without, anybody could hand over rules. What the
// bytes mean, and whether they are whole, is for others to say.

import { type Clock, sleep } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";
import type { Question } from "../worker/channel.ts";
import type { SidecarMember } from "./sidecar-member.ts";
import { sidecarOfTags } from "./sidecar-tags.ts";

export interface RuleExchangeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly member: Pick<SidecarMember, "name" | "members" | "request">;
  /** The newest write that our rules know of; null: the store is there, and nothing is lacking. */
  readonly lacksBeyond: () => number | null;
  readonly service: string | null;
  readonly namespace: string | null;
  /** Takes what a member has handed over, if it is any good. */
  readonly take: (handed: Uint8Array) => void;
}

/** Name of the question. */
export const rulesFetch = "understudy:rules";
const lookMs = 500;
const answerMs = 3_000;

/** Our own rules for a member that asks for them; null: the question is another one. */
export function answerForRules(question: Question, hand: () => Uint8Array | null): Uint8Array | null {
  return question.by === "fetch" && question.name === rulesFetch ? hand() : null;
}

/** Looks until the signal aborts. Never rejects. */
export async function exchangeRules(deps: RuleExchangeDeps, signal: AbortSignal): Promise<void> {
  const { clock, random, member, take } = deps;
  while (!signal.aborted) {
    // By chance, so that those who miss the same do not all ask at one moment.
    await sleep(clock, lookMs * (0.5 + random.next()), signal).catch(() => undefined);
    const able = signal.aborted ? [] : whoHasMore(deps);
    const one = able[random.uint32() % able.length];
    if (one === undefined) continue;
    const args = { member: one, name: rulesFetch, payload: new Uint8Array(0), timeoutMs: answerMs };
    const handed = await member.request("fetch", args).catch(() => null);
    if (handed !== null && !signal.aborted) take(handed);
  }
}

/** Names of the live members with the newest of the rules that are newer than ours. */
function whoHasMore({ lacksBeyond, member, service, namespace }: RuleExchangeDeps): readonly string[] {
  const own = lacksBeyond();
  if (own === null) return [];
  const others = member.members.flatMap(({ name, status, tags }) => {
    const facts = sidecarOfTags(tags);
    const isPeer = name !== member.name && status === "alive";
    if (!isPeer || facts?.service !== service || facts.namespace !== namespace) return [];
    return facts.index !== null && facts.index > own ? [{ name, index: facts.index }] : [];
  });
  const newest = Math.max(...others.map(({ index }) => index));
  return others.filter(({ index }) => index === newest).map(({ name }) => name);
}
