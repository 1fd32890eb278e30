// A mock that waits before it answers (`respond.delay`) went on waiting for all of its time when its rule had gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../src/core/rule.ts";
import { openRig, readUntil } from "../support/rig.ts";
import { replyWith } from "../support/rule-spec.ts";

const hour = { type: "fixed", ms: 3_600_000 } as const;
const onPath = (value: string) => [{ path: { op: "exact", value } as const }];
const late = replyWith("late", { delay: hour });
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

const waiting: Partial<RuleSpec> = { name: "waiting", matches: onPath("/late"), respond: late };
const prompt: Partial<RuleSpec> = { name: "prompt", matches: onPath("/first"), respond: replyWith("first") };

test("mock that waits: answers at once when its rule is gone", async () => {
  await using rig = await openRig({ rules: [waiting, prompt] });
  const client = await rig.connect();
  client.write(get("/first") + get("/late"));
  await readUntil(client, "first"); // the other is claimed in the same turn
  rig.setRules([prompt]);
  await readUntil(client, "late");
  client.destroy();
  const call = await rig.event((event) => event.kind === "call" && event.path === "/late");
  assert.ok(call.kind === "call");
  assert.deepEqual([call.outcome, call.rule, call.status, call.flags], ["mocked", "waiting", 200, []]);
});

test("mock that waits: is no fault, so that it waits on where all faults are stopped", async () => {
  let halted = false;
  await using rig = await openRig({ rules: [waiting, prompt], faultsHalted: () => halted });
  const client = await rig.connect();
  client.write(get("/first") + get("/late"));
  await readUntil(client, "first");
  halted = true;
  const second = await rig.connect();
  second.write(get("/first"));
  await readUntil(second, "first");
  assert.ok(!rig.events.some((event) => event.kind === "call" && event.path === "/late"));
  rig.setRules([prompt]);
  await readUntil(client, "late");
  for (const each of [client, second]) each.destroy();
});
