// What the commands that compare rules have in common: the rules of files, the rules in force, and the difference between
// them for people and programs.

import { desiredRules } from "../control/rules/registry/desired-rules.ts";
import { referenceOf } from "../control/rules/registry/manifest.ts";
import type { DesiredRule } from "../control/rules/registry/registry.ts";
import type { RegistryState } from "../control/rules/registry/registry-state.ts";
import { diffLines, type RuleDiff } from "../control/rules/registry/rule-diff.ts";
import { UnderstudyError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { formatProblem, type Problem } from "../core/rule-source.ts";
import type { Shell } from "./command.ts";
import { check } from "./rules-check.ts";

/** The rules of the files, checked. Throws `bad_rules` with one line for each mistake. */
export async function rulesOfFiles(paths: readonly string[], shell: Shell): Promise<readonly DesiredRule[]> {
  const verdict = await check(paths, shell.cwd);
  if (verdict.problems.length > 0) throw refused(verdict.problems);
  const { rules, problems } = desiredRules(verdict.read);
  if (problems.length > 0) throw refused(problems);
  return rules;
}

function refused(problems: readonly Problem[]): UnderstudyError {
  return new UnderstudyError("bad_rules", problems.map(formatProblem).join("\n"));
}

/** The applied rules in force, in their order. */
export function rulesInForce({ manifest, contents }: RegistryState): readonly DesiredRule[] {
  return (manifest?.value.rules ?? []).map((rule) => ({
    name: rule.name,
    text: contents.get(referenceOf(rule))?.value ?? "",
  }));
}

/** One line a rule, with its text below where it changes. */
export function diffText(diff: RuleDiff, shell: Shell): string {
  const paint = painter(shell);
  const lines: string[] = [];
  for (const { name } of diff.removed) lines.push(paint(printable(`- ${name}`)));
  for (const { name } of diff.added) lines.push(paint(printable(`+ ${name}`)));
  for (const { name, before, after } of diff.changed) {
    lines.push(printable(`~ ${name}`), ...indented(diffLines(before, after), paint));
  }
  if (diff.reordered) lines.push("~ the order of the rules");
  return lines.map((line) => `${line}\n`).join("");
}

function indented(lines: readonly string[], paint: (line: string) => string): readonly string[] {
  return lines.map((line) => `    ${paint(printable(line))}`);
}

function painter({ stdout, env }: Shell): (line: string) => string {
  if (!stdout.isTTY || env.NO_COLOR) return (line) => line;
  return (line) => {
    const color = line.startsWith("-") ? "31" : line.startsWith("+") ? "32" : null;
    return color === null ? line : `\u001b[${color}m${line}\u001b[0m`;
  };
}

/** `2 added, 1 removed, 3 changed, 40 as they were`. */
export function diffSummary({ added, removed, changed, same }: RuleDiff): string {
  return `${added.length} added, ${removed.length} removed, ${changed.length} changed, ${same} as they were`;
}

/** The names alone; for `--json`. */
export function diffJson({ added, removed, changed, same, reordered }: RuleDiff) {
  const names = (rules: readonly { readonly name: string }[]) => rules.map(({ name }) => name);
  return { added: names(added), removed: names(removed), changed: names(changed), same, reordered };
}
