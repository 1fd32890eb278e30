// A mapping asks about the keys that are there, and about no others.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { mapping } from "../../../../src/control/rules/schema/mapping.ts";

test("mapping: the schema of an absent key is not asked, that of a present or required one is", () => {
  const asked: unknown[] = [];
  const spy = (name: string) => z.unknown().refine((value) => asked.push([name, value]) > 0);
  const schema = mapping("a mapping", {
    left: spy("left").exactOptional().describe("Left out."),
    there: spy("there").exactOptional(),
    needed: z.string("text"),
  });
  assert.deepEqual(schema.parse({ there: null, needed: "x" }), { there: null, needed: "x" });
  assert.deepEqual(asked, [["there", null]]);
  const missing = schema.safeParse({});
  assert.deepEqual(
    missing.error?.issues.map(({ path }) => path),
    [["needed"]],
  );
});
