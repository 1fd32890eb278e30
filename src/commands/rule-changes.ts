// What the commands that write rules have in common: the rules of files, the rules in force, the difference between them for
// people and programs, and waiting until every sidecar has it.

import { type Progress, waitForAll } from "../control/rules/registry/convergence.ts";
import { desiredRules } from "../control/rules/registry/desired-rules.ts";
import { membersPrefix } from "../control/rules/registry/keys.ts";
import { referenceOf } from "../control/rules/registry/manifest.ts";
import { type Members, membersInStore } from "../control/rules/registry/members.ts";
import type { DesiredRule } from "../control/rules/registry/registry.ts";
import type { RegistryState } from "../control/rules/registry/registry-state.ts";
import { diffLines, type RuleDiff } from "../control/rules/registry/rule-diff.ts";
import { formatHostPort } from "../core/address.ts";
import { systemClock } from "../core/clock.ts";
import { UnderstudyError } from "../core/errors.ts";
import { formatProblem, type Problem } from "../core/rule-source.ts";
import { parseDuration } from "../core/units.ts";
import { adminOf } from "./admin-line.ts";
import type { Shell } from "./command.ts";
import { reachableMesh } from "./mesh-members.ts";
import { check } from "./rules-check.ts";
import type { StoreLine } from "./store-line.ts";

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
  for (const { name } of diff.removed) lines.push(paint(`- ${name}`));
  for (const { name } of diff.added) lines.push(paint(`+ ${name}`));
  for (const { name, before, after } of diff.changed) {
    lines.push(`~ ${name}`, ...indented(diffLines(before, after), paint));
  }
  if (diff.reordered) lines.push("~ the order of the rules");
  return lines.map((line) => `${line}\n`).join("");
}

function indented(lines: readonly string[], paint: (line: string) => string): readonly string[] {
  return lines.map((line) => `    ${paint(line)}`);
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

export function diffJson({ added, removed, changed, same, reordered }: RuleDiff) {
  const names = (rules: readonly { readonly name: string }[]) => rules.map(({ name }) => name);
  return { added: names(added), removed: names(removed), changed: names(changed), same, reordered };
}

export const waitFlags = { wait: "boolean", timeout: "string", admin: "string" } as const;
const usualTimeoutMs = 60_000;

export const waitHelp = `  --wait                   wait until every live sidecar has it in force
  --timeout TIME           for --wait, 60s unless told otherwise; then the laggards are
                           told, and the exit code is 1
  --admin ADDR:PORT        for --wait: a sidecar (or UNDERSTUDY_ADMIN) whose mesh is asked who
                           lives and has what; without one the sidecars' keys in the store tell
`;

/** A time of --timeout or --lease, in milliseconds. */
export function durationOf(flag: string, text: string | undefined, fallbackMs: number): number {
  if (text === undefined) return fallbackMs;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= 86_400_000) return ms;
  throw new UnderstudyError(
    "bad_config",
    `${flag}: expected a duration such as 30s, at most 1d, got ${JSON.stringify(text)}`,
  );
}

/** Waits where --wait was given, and tells how it goes on stderr; null where nobody waits. */
export async function waitWhereAsked(
  line: StoreLine,
  index: number,
  shell: Shell,
  signal: AbortSignal,
): Promise<Progress | null> {
  const timeoutMs = durationOf("--timeout", line.text("timeout"), usualTimeoutMs);
  if (!line.isSet("wait")) return null;
  const members = await membersFor(line, shell, signal);
  const tell = progressTeller(shell);
  const target = { audience: line.audience, index };
  const progress = await waitForAll(members, target, timeoutMs, tell.progress, systemClock, signal);
  tell.end(progress);
  return progress;
}

/** The mesh where one is named and reachable, else the store. */
async function membersFor(line: StoreLine, shell: Shell, signal: AbortSignal): Promise<Members> {
  const inStore = membersInStore(line.store, membersPrefix(line.prefix));
  const flag = line.text("admin");
  if (flag === undefined && !shell.env.UNDERSTUDY_ADMIN) return inStore;
  const admin = adminOf(flag, shell);
  const mesh = await reachableMesh(admin, signal);
  if (mesh === null && flag !== undefined)
    shell.stderr.write(`no mesh answers at ${formatHostPort(admin)}: asking the store who lives\n`);
  return mesh ?? inStore;
}

const maxNames = 10;

function progressTeller({ stderr }: Shell) {
  let shown = false;
  const progress = ({ done, total, laggards }: Progress) => {
    const names = laggards.slice(0, maxNames).map(({ name }) => name);
    const rest = laggards.length > maxNames ? ` and ${laggards.length - maxNames} more` : "";
    const waiting = laggards.length === 0 ? "" : `, waiting for ${names.join(", ")}${rest}`;
    const text = `${done}/${total} sidecars${waiting}`;
    // At a terminal the line is written over; elsewhere each is one of its own.
    stderr.write(stderr.isTTY ? `\r\u001b[2K${text}` : `${text}\n`);
    shown = true;
  };
  const end = ({ laggards }: Progress) => {
    if (shown && stderr.isTTY) stderr.write("\n");
    for (const { name, problem } of laggards) {
      if (problem !== "") stderr.write(`  ${name}: ${problem}\n`);
    }
  };
  return { progress, end };
}

export function progressJson(progress: Progress | null) {
  if (progress === null) return {};
  const laggards = progress.laggards.map(({ name, problem, index }) => ({ name, problem, index }));
  return { sidecars: { done: progress.done, total: progress.total, laggards } };
}
