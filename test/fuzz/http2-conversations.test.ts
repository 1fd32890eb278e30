// Random conversations over HTTP/2: what each side says reaches the other as it would without us, in whatever frames, header
// tables and windows it comes, whoever resets or leaves; and nothing ever stands still.
//
//   UNDERSTUDY_FUZZ_SEEDS=500 UNDERSTUDY_FUZZ_FROM=1000 node --test test/fuzz/http2-conversations.test.ts
//
// A failure names the seed. The same seed throws the same dice; how sockets cut and keep up is the machine's, so what depends on
// that may need a run of many seeds, or of many processes at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { testAuthority } from "../support/https.ts";
import { converse } from "./http2/conversation.ts";
import { scenarios } from "./http2/scenario.ts";

const seeds = Number(process.env.UNDERSTUDY_FUZZ_SEEDS ?? 8);
const from = Number(process.env.UNDERSTUDY_FUZZ_FROM ?? 1);
const authority = await testAuthority();

for (const scenario of scenarios) {
  test(`HTTP/2 conversations: both sides see what the other says, ${scenario.name}`, async () => {
    for (let seed = from; seed < from + seeds; seed++)
      assert.deepEqual(await converse(seed, scenario, authority), [], `seed ${seed}`);
  });
}
