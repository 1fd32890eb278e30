// A fault that ends no call stands beside respond and patch; it was once taken for an abort.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRules } from "../../src/control/rules/parse.ts";

test("rules: a delay stands beside respond and patch; an abort does not", () => {
  const problemsOf = (fault: string, doing: string) =>
    parseRules(`version: 1\nrules:\n  - {name: a, fault: ${fault}, ${doing}}\n`, "r.yaml").problems.length;
  for (const doing of ["respond: {status: 204}", "patch: {response: {status: 500}}"]) {
    assert.equal(problemsOf("{delay: 10ms}", doing), 0);
    assert.equal(problemsOf("{abort: reset}", doing), 1);
    assert.equal(problemsOf("{http2: {goAway: 0}}", doing), 1);
  }
});
