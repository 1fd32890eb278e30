// The end of the commands that change rules in a store: --wait until every sidecar has them in force, telling on stderr how it
// goes, then the answer for programs and the exit code.

import { type Progress, waitForAll } from "../control/rules/registry/convergence.ts";
import { membersPrefix } from "../control/rules/registry/keys.ts";
import { type Members, membersInStore } from "../control/rules/registry/members.ts";
import { formatHostPort } from "../core/address.ts";
import { systemClock } from "../core/clock.ts";
import { UnderstudyError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { parseDuration } from "../core/units.ts";
import { adminOf } from "./admin-line.ts";
import { exitCodes, type Shell } from "./command.ts";
import { reachableMesh } from "./mesh-members.ts";
import type { StoreLine } from "./store-line.ts";

/** Flags of every command that changes the applied rules. */
export const changeFlags = { keep: "string", wait: "boolean", timeout: "string", admin: "string" } as const;
const usualTimeoutMs = 60_000;

/** Their part of the help text. */
export const changeHelp = `  --wait                   wait until every live sidecar has it in force
  --timeout TIME           for --wait, 60s unless told otherwise; then the
                           laggards are told, and the exit code is 1
  --admin ADDR:PORT        for --wait: a sidecar (or UNDERSTUDY_ADMIN) whose
                           mesh is asked who lives and has what; without one the
                           sidecars' keys in the store tell
  --keep N                 versions before the one in force that are kept, 20
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

/**
 * Ends a command whose change has `index` in the store: waits where --wait was given, and writes `told` with what came of it
 * where --json was. The exit code: 1 where some sidecar lags.
 */
export async function finishChange(
  line: StoreLine,
  shell: Shell,
  signal: AbortSignal,
  index: number,
  told: object,
): Promise<number> {
  const progress = await waitWhereAsked(line, index, shell, signal);
  if (line.json) shell.stdout.write(`${JSON.stringify({ ...told, ...progressJson(progress) })}\n`);
  return progress === null || progress.laggards.length === 0 ? exitCodes.ok : exitCodes.failed;
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
    const text = printable(`${done}/${total} sidecars${waiting}`);
    // At a terminal the line is written over; elsewhere each is one of its own.
    stderr.write(stderr.isTTY ? `\r\u001b[2K${text}` : `${text}\n`);
    shown = true;
  };
  const end = ({ laggards }: Progress) => {
    if (shown && stderr.isTTY) stderr.write("\n");
    for (const { name, problem } of laggards) {
      if (problem !== "") stderr.write(`  ${printable(`${name}: ${problem}`)}\n`);
    }
  };
  return { progress, end };
}

function progressJson(progress: Progress | null) {
  if (progress === null) return {};
  const laggards = progress.laggards.map(({ name, problem, index }) => ({ name, problem, index }));
  return { sidecars: { done: progress.done, total: progress.total, laggards } };
}
