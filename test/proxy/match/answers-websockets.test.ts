// On which connections a rule set could answer a WebSocket, told before any byte of a request.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../src/core/random.ts";
import { noRules } from "../../../src/core/rule-set.ts";
import { compileRules } from "../../../src/proxy/match/compile.ts";
import { createPlanner } from "../../../src/proxy/perform/plan.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { rulesOf } from "../lanes/websocket/sockets.ts";
import { outbound, rollOf } from "./described.ts";

const roll = rollOf({ nowMs: 1_000, seed: 0 });

function answers(rules: string, serverName: string): boolean {
  const deps = { clock: manualClock(), random: seededRandom(1), maxBodyBytes: 1_000, hangMs: 1_000 };
  const set = compileRules(rulesOf(rules), createPlanner(deps), "1");
  assert.ok(!("problems" in set));
  return set.answersWebSockets(serverName, outbound, roll);
}

const script = "respond: {websocket: [{send: hi}]}";
const cases: readonly (readonly [what: string, rule: string, serverName: string, expected: boolean])[] = [
  ["a script", `matches: [{websocket: {}}], ${script}`, "", true],
  ["a script for everybody", script, "shop.test", true],
  ["a script for this server", `matches: [{host: shop.test, websocket: {}}], ${script}`, "shop.test", true],
  ["a script for another server", `matches: [{host: a.test, websocket: {}}], ${script}`, "shop.test", false],
  ["a script for any server, which is not known", `matches: [{host: a.test}], ${script}`, "", true],
  ["a script for another place", `matches: [{destination: ":80"}], ${script}`, "", false],
  ["a script for nobody", `scope: {percentage: 0}, ${script}`, "", false],
  ["a refusal", "matches: [{websocket: {}}], respond: {status: 403}", "", true],
  ["a mock of calls", "matches: [{path: /pay}], respond: {status: 402}", "", false],
  ["a fault", "matches: [{websocket: {}}], fault: {abort: {httpStatus: 503}}", "", false],
  ["messages that are touched", "matches: [{websocket: {}}], fault: {websocket: {cut: true}}", "", false],
  ["one message answered", `matches: [{websocket: {}, message: {equalTo: x}}], ${script}`, "", false],
];
for (const [what, rule, serverName, expected] of cases)
  test(`answersWebSockets: ${what}: ${expected}`, () =>
    assert.equal(answers(`\n  - {name: a, ${rule}}`, serverName), expected));

test("answersWebSockets: no rules answer nothing", () =>
  assert.equal(noRules.answersWebSockets("", outbound, roll), false));
