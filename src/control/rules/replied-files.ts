// The files that rules answer with: a change of one is a change of the rules.

import type { RuleSpec } from "../../core/rule.ts";
import { schemaFilesOf } from "./schema/graphql-files.ts";

/** Absolute paths of the files that the rules answer with, each once. */
export function repliedFiles(rules: readonly RuleSpec[]): readonly string[] {
  const paths = new Set<string>();
  for (const rule of rules) {
    for (const path of schemaFilesOf(rule)) paths.add(path);
    const { respond } = rule;
    for (const { body } of respond === null ? [] : repliesOf(respond))
      if (body.kind === "file") paths.add(body.path);
  }
  return [...paths];
}

function repliesOf(respond: NonNullable<RuleSpec["respond"]>) {
  switch (respond.kind) {
    case "reply":
      return [respond.reply];
    case "cycle":
      return respond.replies;
    case "random":
      return respond.choices.map((choice) => choice.reply);
    case "graphql": // its schema is among the schema files
    case "websocket":
      return [];
    default:
      return []; // the dialects answer with no files
  }
}
