// Rules of files in the form in which a store holds them: one JSON text each, so that comments and layout make no difference
// and every sidecar reads the same.

import type { Problem } from "../../../core/rule-source.ts";
import type { RuleFile } from "../rule-files.ts";
import { isMapping } from "../schema/mapping.ts";
import { WrittenFile } from "../written-file.ts";
import type { DesiredRule } from "./registry.ts";

export interface DesiredRules {
  readonly rules: readonly DesiredRule[];
  /** What a store cannot hold. */
  readonly problems: readonly Problem[];
}

/** `files`: parsed without a problem before. */
export function desiredRules(files: readonly RuleFile[]): DesiredRules {
  const rules: DesiredRule[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    const written = openFile(file.text.replace(/^\ufeff/, ""));
    for (let index = 0; index < written.ruleCount; index++) {
      const { value } = written.readRule(index);
      if (!isMapping(value)) continue;
      const path = relativeFileIn(value);
      const place = `${file.name}:${written.startLine(index)}`;
      if (path !== undefined)
        problems.push({ place, path: `rules[${index}].respond`, message: needsAbsolute(path) });
      rules.push({ name: String(value.name), text: `${JSON.stringify(value, null, 2)}\n` });
    }
  }
  return { rules, problems };
}

function openFile(text: string): WrittenFile {
  const written = new WrittenFile(text, false);
  // An anchor of another rule is not seen in a piece.
  const lacksAnchor = Array.from({ length: written.ruleCount }, (_, index) => written.readRule(index)).some(
    ({ tree }) => tree?.anchorMissing,
  );
  return lacksAnchor ? new WrittenFile(text, true) : written;
}

function needsAbsolute(path: string): string {
  return `expected an absolute path of a file that every sidecar has, since the rule will be read elsewhere, got "${path}"`;
}

function relativeFileIn(rule: Readonly<Record<string, unknown>>): string | undefined {
  const { respond } = rule;
  if (!isMapping(respond)) return undefined;
  const replies = [respond, ...listOf(respond.cycle), ...listOf(respond.random)];
  return replies.flatMap((reply) => {
    const file = isMapping(reply) ? reply.file : undefined;
    return typeof file === "string" && !file.startsWith("/") ? [file] : [];
  })[0];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
