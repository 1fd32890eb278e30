import assert from "node:assert/strict";
import { test } from "node:test";
import { answerForRules, exchangeRules } from "../../../../src/control/mesh/member/rule-exchange.ts";
import type { MeshMember, MeshStatus } from "../../../../src/control/mesh/mesh.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import { manualClock } from "../../../support/manual-clock.ts";

function memberOf(name: string, service: string, index: number, status: MeshStatus = "alive"): MeshMember {
  const tags = new Map([
    ["role", "understudy"],
    ["service", service],
    ["index", String(index)],
  ]);
  return { name, address: { host: "127.0.0.1", port: 1 }, status, tags, sinceMs: 0 };
}

test("rule exchange: asks a live member of its service that has the newest, and only while the store is away", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const asked: string[] = [];
  const taken: string[] = [];
  let beyond: number | null = null;
  const members = [
    memberOf("self", "cart", 99),
    memberOf("newest", "cart", 9),
    memberOf("newer", "cart", 8),
    memberOf("gone", "cart", 10, "failed"),
    memberOf("other", "shop", 11),
  ];
  const member = {
    ...{ name: "self", members },
    request: async (_name: string, args: object) => {
      const [to] = "member" in args ? [String(args.member)] : [];
      asked.push(to ?? "");
      if (asked.length === 1) throw new Error("no answer");
      return Buffer.from("rules") as never; // what any request may answer
    },
  };
  const done = exchangeRules(
    {
      ...{ clock, random: seededRandom(1), member, service: "cart", namespace: null },
      lacksBeyond: () => beyond,
      take(handed) {
        taken.push(Buffer.from(handed).toString());
        beyond = 9;
      },
    },
    stop.signal,
  );
  await clock.advance(5_000);
  assert.deepEqual(asked, [], "the store is there");
  beyond = 7;
  await clock.advance(5_000);
  assert.deepEqual(
    [asked, taken],
    [["newest", "newest"], ["rules"]],
    "a failure is tried again, and then enough",
  );
  stop.abort();
  await done;
});

test("rule exchange: only a fetch of that name is answered with rules", () => {
  const question = { payload: new Uint8Array(0), from: "x" };
  const hand = () => Buffer.from("rules");
  assert.deepEqual(answerForRules({ ...question, by: "fetch", name: "understudy:rules" }, hand), hand());
  assert.equal(answerForRules({ ...question, by: "query", name: "understudy:rules" }, hand), null);
  assert.equal(answerForRules({ ...question, by: "fetch", name: "other" }, hand), null);
});
