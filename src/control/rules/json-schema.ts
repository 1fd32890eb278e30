// The JSON Schema of a rules file, for editors that complete and check: made from the very schemas that validate.

import * as z from "zod";
import { isMapping } from "./schema/mapping.ts";
import { ruleFile } from "./schema/rule.ts";

/** Draft 7, which editors know best. What needs more than one key at a time (exactly one of …) is left to `rules check`. */
export function rulesJsonSchema(): unknown {
  const schema = z.toJSONSchema(ruleFile, { target: "draft-7", io: "input" });
  return withoutRefused({ ...schema, title: "Understudy rules" });
}

/** Keys that are refused as not supported yet are unknown keys to an editor: it must not offer them. */
function withoutRefused(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutRefused);
  if (!isMapping(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(
        ([, value]) => !(isMapping(value) && isMapping(value.not) && Object.keys(value.not).length === 0),
      )
      .map(([key, value]) => [key, withoutRefused(value)]),
  );
}
