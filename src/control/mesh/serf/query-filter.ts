// Whom a query is for: a list of names, or a regular expression over a tag.

import { createRequire } from "node:module";
import { list, text } from "../wire/fields.ts";
import { MsgpackReader } from "../wire/msgpack-reader.ts";
import { MsgpackWriter } from "../wire/msgpack-writer.ts";
import { struct } from "../wire/struct.ts";
import { attempt } from "../wire/wire-fault.ts";
import type { Tags } from "./tags.ts";

const load = createRequire(import.meta.url);
const byName = 0;
const byTag = 1;
const namesField = list(text, 4_096);
const tagFilterStruct = struct({ Tag: text, Expr: text });

/** The filter that lets only these members answer. */
export function filterByNames(names: readonly string[]): Buffer {
  const writer = new MsgpackWriter();
  writer.byte(byName);
  namesField.write(writer, names);
  return writer.take();
}

/** Whether a member is meant; a filter that we cannot read is for others. */
export function passes(filters: readonly Buffer[], name: string, tags: Tags): boolean {
  return filters.every((filter) => {
    const verdict = attempt(() => ({ passes: passesOne(filter, name, tags) }));
    return typeof verdict !== "string" && verdict.passes;
  });
}

function passesOne(filter: Buffer, name: string, tags: Tags): boolean {
  const reader = new MsgpackReader(filter, 1);
  if (filter[0] === byName) return namesField.read(reader).includes(name);
  if (filter[0] !== byTag) return false;
  const { Tag, Expr } = tagFilterStruct.read(reader);
  return matches(Expr, tags.get(Tag) ?? "");
}

/** On an engine of linear time, since the expression is a stranger's. */
function matches(expression: string, value: string): boolean {
  if (expression.length > 512) return false;
  const { RE2JS } = load("re2js") as typeof import("re2js");
  try {
    return RE2JS.compile(expression).matcher(value).find();
  } catch {
    return false;
  }
}
