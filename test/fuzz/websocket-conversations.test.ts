// Random conversations over WebSockets: messages in every form and in any pieces, compressed or not, control frames between,
// every order of closing, ends and resets in the midst, on sockets and on streams of HTTP/2. What each side gets is what the
// other said: octet for octet where no rule looks on, and else as far as a rule lets it.
//
//   UNDERSTUDY_FUZZ_SEEDS=500 UNDERSTUDY_FUZZ_FROM=1000 node --test test/fuzz/websocket-conversations.test.ts
//
// A failure names the seed, which lays down all that is said; how sockets cut and keep up is the machine's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { testAuthority } from "../support/https.ts";
import { converse } from "./websocket/conversation.ts";
import { scenarios } from "./websocket/scenario.ts";

const seeds = Number(process.env.UNDERSTUDY_FUZZ_SEEDS ?? 8);
const from = Number(process.env.UNDERSTUDY_FUZZ_FROM ?? 1);
const authority = await testAuthority();

for (const scenario of scenarios) {
  test(`WebSocket conversations: each side gets what the other says, ${scenario.name}`, async () => {
    for (let seed = from; seed < from + seeds; seed++)
      assert.deepEqual(await converse(seed, scenario, authority), [], `seed ${seed}`);
  });
}
