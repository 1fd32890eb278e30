// What a process holds at rest: neither the dialect nor graphql-js, until a rule speaks of GraphQL.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const dialects = new URL("../../../../../src/sidecar/dialects.ts", import.meta.url).href;
const planner = new URL("../../../../../src/proxy/perform/plan.ts", import.meta.url).href;
const specs = new URL("../../../../support/rule-spec.ts", import.meta.url).href;
const cwd = fileURLToPath(new URL("../../../../..", import.meta.url));

/** Whether graphql-js is loaded before and after a rule is planned. */
const script = `
  const { loadDialects } = await import(${JSON.stringify(dialects)});
  const { createPlanner } = await import(${JSON.stringify(planner)});
  const { ruleSpec } = await import(${JSON.stringify(specs)});
  const { createRequire } = await import("node:module");
  const { systemClock } = await import(${JSON.stringify(new URL("../../../../../src/core/clock.ts", import.meta.url).href)});
  const deps = { clock: systemClock, random: { next: () => 0, uint32: () => 0 }, tap: { observe() {} } };
  const plan = createPlanner({ ...deps, maxBodyBytes: 1, hangMs: 1, dialects: loadDialects(deps) });
  const has = () => Object.keys(createRequire(import.meta.url).cache).some((path) => /graphql/.test(path));
  plan(ruleSpec({ name: "plain" }));
  const before = has();
  plan(ruleSpec({ name: "one", respond: { kind: "graphql", delay: null, answer: { kind: "result", data: {}, template: false } } }));
  console.log(JSON.stringify([before, has()]));
`;

test("at rest nothing of GraphQL is loaded; the first rule that speaks of it loads it", () => {
  const out = execFileSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script],
    { cwd, encoding: "utf8", timeout: 15_000 },
  );
  assert.deepEqual(JSON.parse(out), [false, true]);
});
