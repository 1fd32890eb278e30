// docs/rules.md: its examples are accepted and do what the page says, and it names every key that a rule about HTTP may have.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseRules } from "../../src/control/rules/parse.ts";
import { systemClock } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { RuleSpec } from "../../src/core/rule.ts";
import { compileRules } from "../../src/proxy/match/compile.ts";
import { createPlanner } from "../../src/proxy/perform/plan.ts";
import { openRig, openServer } from "../support/rig.ts";

const page = readFileSync(new URL("../../docs/rules.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
const parsed = examples.map((text) => parseRules(text, "docs.yaml"));
const rules: readonly RuleSpec[] = parsed.flatMap((one) => one.rules);

test("docs/rules.md: every example is accepted and compiles", () => {
  assert.deepEqual(
    parsed.flatMap(({ problems }) => problems),
    [],
  );
  const plan = createPlanner({
    clock: systemClock,
    random: seededRandom(1),
    maxBodyBytes: 1_000,
    hangMs: 1_000,
  });
  assert.ok(!("problems" in compileRules(rules, plan, "docs")));
});

interface SchemaPart {
  readonly properties?: Readonly<Record<string, SchemaPart>>;
  readonly items?: SchemaPart;
}

test("docs/rules.md: every key of a rule, its scope, faults and changes is named", () => {
  const text = readFileSync(new URL("../../config/rules.schema.json", import.meta.url), "utf8");
  const schema: SchemaPart = JSON.parse(text); // generated from our own schema, see scripts/schema.ts
  const rule = schema.properties?.rules?.items?.properties ?? {};
  const keys = [rule, ...["scope", "state", "fault"].map((part) => rule[part]?.properties ?? {})].flatMap(
    Object.keys,
  );
  assert.ok(keys.length > 25, String(keys.length));
  const elsewhere = ["descriptors"]; // docs/grpc.md
  const missing = keys.filter((key) => !elsewhere.includes(key) && !new RegExp(`\\b${key}\\b`).test(page));
  assert.deepEqual(missing, []);
});

test("docs/rules.md: answers, changes and states are as it says", async () => {
  await using upstream = await openServer((socket) => {
    socket
      .on("error", () => undefined)
      .on("data", (chunk) => {
        const seen = JSON.stringify({
          tenant: /x-tenant: qa/.test(String(chunk)),
          plan: "free",
          trial: true,
        });
        const head = `HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: ${seen.length}`;
        socket.end(`${head}\r\nConnection: close\r\n\r\n${seen}`);
      });
  });
  await using rig = await openRig({ upstream: upstream.address, rules });
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`http://${rig.address.host}:${rig.address.port}${path}`, init);
    return `${answer.status} ${await answer.text()}`;
  };
  assert.equal(await ask("/hello/you?name=Ada"), '201 {"hello":"Ada","path":"/hello/you"}');
  assert.deepEqual(
    [await ask("/flaky"), await ask("/flaky"), await ask("/flaky")],
    ["200 fine", "503 down", "200 fine"],
  );
  assert.match(await ask("/lottery"), /^200 \{"won":(?:true|false)\}$/);
  assert.match(await ask("/down"), /^503 /);
  assert.equal(await ask("/me"), '200 {"tenant":true,"plan":"enterprise"}');
  const headers = { "x-session": "1" };
  assert.match(await ask("/account", { headers }), /^404 /);
  assert.equal(await ask("/login", { method: "POST", headers }), "204 ");
  assert.equal(await ask("/account", { headers }), '200 {"balance":12}');
  assert.match(await ask("/account", { headers: { "x-session": "2" } }), /^404 /);
});
