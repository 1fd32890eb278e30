// The files that rules are made with, besides their own: what they answer with, and what describes their messages. A change
// of one is a change of the rules.

import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
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

/** `.proto` files below one folder that are watched. */
const maxDescribing = 5_000;

/** Absolute paths of descriptors as the rules name them, each once: files, and folders of `.proto` files. */
export function describingPaths(rules: readonly RuleSpec[]): readonly string[] {
  return [...new Set(rules.flatMap(({ descriptors = [] }) => descriptors))];
}

/** The files behind such paths, as they are now; a path that cannot be read stands for itself. */
export async function describingFiles(paths: readonly string[]): Promise<readonly string[]> {
  const files = await Promise.all(paths.map(filesBehind));
  return [...new Set(files.flat())];
}

async function filesBehind(path: string): Promise<readonly string[]> {
  try {
    // A source imports others, most often from its own folder.
    const folder = (await stat(path)).isDirectory() ? path : dirname(path);
    if (folder !== path && !path.endsWith(".proto")) return [path];
    const names = await readdir(folder, { recursive: folder === path, encoding: "utf8" });
    const sources = names.filter((name) => name.endsWith(".proto")).sort();
    return sources.slice(0, maxDescribing).map((name) => join(folder, name));
  } catch {
    return [path];
  }
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
