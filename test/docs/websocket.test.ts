// The examples of docs/websocket.md: each is accepted as it stands there, and does what the page says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseRules } from "../../src/control/rules/parse.ts";
import { systemClock } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { RuleSpec } from "../../src/core/rule.ts";
import { compileRules } from "../../src/proxy/match/compile.ts";
import { createPlanner } from "../../src/proxy/perform/plan.ts";
import { messagesOf, openClient, openEcho } from "../proxy/lanes/websocket/sockets.ts";
import { openRig } from "../support/rig.ts";

const page = readFileSync(new URL("../../docs/websocket.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => text);

function rulesWith(name: string): readonly RuleSpec[] {
  const text = examples.find((example) => example.includes(`name: ${name}\n`)) ?? "";
  return parseRules(text, "docs.yaml").rules;
}

for (const [index, text] of examples.entries())
  test(`example ${index + 1} is accepted and compiles`, () => {
    const { rules, problems } = parseRules(text, "docs.yaml");
    assert.deepEqual(problems, []);
    const plan = createPlanner({
      clock: systemClock,
      random: seededRandom(1),
      maxBodyBytes: 1_000,
      hangMs: 1_000,
    });
    assert.ok(!("problems" in compileRules(rules, plan, "docs")));
  });

test("answer one message, pass the rest", async () => {
  await using echo = await openEcho();
  await using rig = await openRig({ upstream: echo.address, rules: rulesWith("quote") });
  await using client = await openClient(rig.address, [], "/prices");
  client.socket.send('{"type":"quote","symbol":"ACME"}');
  assert.equal(await client.next(), '{"type":"price","of":"ACME","eur":12}');
  client.socket.send('{"type":"order"}');
  assert.equal(await client.next(), '{"type":"order"}');
});

test("be the server", async () => {
  await using rig = await openRig({ rules: rulesWith("chat") });
  await using client = await openClient(rig.address, ["chat.v2"]);
  assert.equal(await client.next(), '{"type":"welcome"}');
  client.socket.send('{"join":"tom"}');
  assert.deepEqual(await messagesOf(client, 4), ['{"joined":"tom"}', "tick", "tick", "tick"]);
  assert.deepEqual(await client.closed, { code: 1000, reason: "bye" });
});

test("change messages of a live connection", async () => {
  await using echo = await openEcho();
  await using rig = await openRig({ upstream: echo.address, rules: rulesWith("censored") });
  await using client = await openClient(rig.address, [], "/account");
  client.socket.send('{"plan":"free"}');
  client.socket.send("a secret");
  assert.deepEqual(await messagesOf(client, 2), ['{"plan":"enterprise"}', "***"]);
});

test("server-sent events", async () => {
  await using rig = await openRig({ rules: rulesWith("prices") });
  const reply = await fetch(`http://127.0.0.1:${rig.address.port}/prices/stream`);
  let text = "";
  for await (const part of reply.body ?? []) {
    text += new TextDecoder().decode(part);
    if (text.includes("13")) break;
  }
  assert.match(text, /^retry: 2000\n\nevent: price\nid: 1\ndata: \{"eur":12\}\n\n/);
});
