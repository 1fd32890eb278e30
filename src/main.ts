// The process: argv, environment, streams, signals and exit codes. Finds the command, runs it, and tells failures in
// one line with a next step. Commands are loaded when they are called, so that the program starts fast.

import { exitCodes, type Shell, type TextSink } from "./commands/command.ts";
import { commandEntries } from "./commands/entries.ts";
import { findCommand, helpFor } from "./commands/help.ts";
import { openStandardError } from "./commands/standard-error.ts";
import { systemClock } from "./core/clock.ts";
import { createDebug } from "./core/debug.ts";
import { type ErrorCode, messageOf, UnderstudyError } from "./core/errors.ts";
import { optimise } from "./core/optimising.ts";
import { printable } from "./core/printable.ts";

const stderr = openStandardError(systemClock, () => process.stderr);
const debug = createDebug(process.env.UNDERSTUDY_DEBUG, stderr, systemClock)("main");

const shell: Shell = {
  env: process.env,
  cwd: workingFolder(),
  stdout: sinkOf(process.stdout),
  stderr,
  openLog: async () =>
    (await import("./commands/log-destination.ts")).openLogDestination(1, systemClock, tellLogTrouble),
  uid: process.geteuid?.() ?? -1,
  gid: process.getegid?.() ?? -1,
  pid: process.pid,
  execPath: process.execPath,
  onSignal(signal, handler) {
    process.on(signal, handler);
    return () => void process.off(signal, handler);
  },
};

/** Where it has been removed meanwhile, what needs no folder still works, and what is looked for there is not found. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return process.env.PWD ?? "/";
  }
}

/** Stdout may be a file on a full disk, where stderr still has readers. */
function tellLogTrouble(reason: string | null): void {
  const what = reason === null ? "the log is written again" : `the log cannot be written for now: ${reason}`;
  stderr.write(`understudy: ${what}\n`);
}

/** A reader that has gone (`| head`) is no error, and what it would have read is nobody's loss. */
function sinkOf(stream: NodeJS.WriteStream): TextSink {
  let gone = false;
  stream.on("error", () => {
    gone = true;
  });
  return {
    isTTY: stream.isTTY === true,
    write(text) {
      if (!gone) stream.write(text);
    },
  };
}

async function runWords(words: readonly string[]): Promise<number> {
  const [first] = words;
  if (first === "--version" || first === "-V") {
    const { programVersion } = await import("./commands/version.ts");
    shell.stdout.write(`understudy ${programVersion()} (node ${process.versions.node})\n`);
    return exitCodes.ok;
  }
  if (first === undefined) {
    shell.stderr.write(await helpFor([], commandEntries));
    return exitCodes.usage;
  }
  const topic = helpTopic(words);
  if (topic !== null) {
    shell.stdout.write(await helpFor(topic, commandEntries));
    return exitCodes.ok;
  }
  const { entry, args } = findCommand(words, commandEntries);
  const command = await entry.load();
  optimise(true); // which bin/understudy.js has switched off
  if (asksForHelp(args[0])) {
    shell.stdout.write(command.help);
    return exitCodes.ok;
  }
  return command.run(args, shell).catch((thrown) => tellFailure(thrown, entry.name));
}

/** What help is asked about; null: none is, or the command's own flags have to be read for it. */
function helpTopic(words: readonly string[]): readonly string[] | null {
  const [first = "", second] = words;
  if (first === "help" || asksForHelp(first)) return words.slice(1).filter((word) => !asksForHelp(word));
  return words.length === 2 && asksForHelp(second) ? [first] : null;
}

function asksForHelp(word: string | undefined): boolean {
  return word === "--help" || word === "-h";
}

const exitCodeOf: Partial<Record<ErrorCode, number>> = {
  usage: exitCodes.usage,
  bad_config: exitCodes.badConfig,
  bad_rules: exitCodes.badData,
  not_found: exitCodes.unavailable,
  store_conflict: exitCodes.conflict,
  store_unavailable: exitCodes.unavailable,
  namespace_unavailable: exitCodes.unavailable,
  redirect_failed: exitCodes.notPermitted,
};

const nextSteps: Partial<Record<ErrorCode, string>> = {
  bad_rules: "next: understudy rules check FILE says the same without starting anything",
  store_conflict: "next: understudy rules diff FILE --store URL shows what it would change now",
  namespace_unavailable: "next: understudy run --mode env -- CMD works without namespaces, but sees less",
};

/** `command`: the one that failed; left out where none did. */
function nextStepAfter(code: ErrorCode, command: string | undefined): string | undefined {
  if (code !== "bad_config" || command === undefined) return nextSteps[code];
  return `next: understudy help ${command} tells its flags, understudy help options every option with its variable and default`;
}

/** What the user must mend, told in a line for each mistake. */
function tellFailure(thrown: unknown, command?: string): number {
  debug(() => (thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)));
  const lines = messageOf(thrown).split("\n");
  for (const line of lines) shell.stderr.write(`understudy: ${printable(line)}\n`);
  if (!(thrown instanceof UnderstudyError)) {
    shell.stderr.write("  next: UNDERSTUDY_DEBUG=main shows where this comes from\n");
    return exitCodes.failed;
  }
  // A message that names a command already is its own next step.
  const step = lines.some((line) => line.includes("understudy "))
    ? undefined
    : nextStepAfter(thrown.code, command);
  if (step !== undefined) shell.stderr.write(`  ${step}\n`);
  return exitCodeOf[thrown.code] ?? exitCodes.failed;
}

/** Errors that escaped everybody, before the process gives up. */
const maxStrayErrors = 100;
let strayErrors = 0;

/**
 * An error in some callback concerns one connection; ending the process would end all of them. So it is told, and
 * traffic goes on, unless it happens over and over.
 */
function onStrayError(thrown: unknown): void {
  const code = tellFailure(thrown);
  if (++strayErrors >= maxStrayErrors) process.exit(code);
}

process.on("uncaughtException", onStrayError);
process.on("unhandledRejection", onStrayError);

/** For a reader of stderr that takes nothing. */
const stderrPatienceMs = 1_000;

const code = await runWords(process.argv.slice(2)).catch(tellFailure);
// What was written must leave before the process does: a pipe may be slower than we are.
await Promise.all([flushed(process.stdout), stderr.drained(stderrPatienceMs)]);
process.exit(code);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) return resolve();
    stream.write("", () => resolve());
  });
}
