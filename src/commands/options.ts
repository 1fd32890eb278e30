// The command line of run, proxy and sidecar: flags that all of them share, flags of their own, and what follows.

import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { parseArgs } from "node:util";
import { type Config, type ConfigSources, loadConfig } from "../control/config/load.ts";
import { allOptions, flagOf, variableOf } from "../control/config/options.ts";
import { UnderstudyError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { printable } from "../core/printable.ts";
import type { Shell } from "./command.ts";
import { unexpectedWord, unknownFlag } from "./flags.ts";
import { wrapped } from "./wrapped.ts";

/** A flag that only one command has: `publish: {type: "string", multiple: true}`. Names without dashes. */
export interface OwnFlag {
  readonly type: "string" | "boolean";
  /** May be given more than once. */
  readonly multiple?: boolean;
}

export interface CommandLineSpec {
  /** For messages: `understudy run --help`. */
  readonly command: string;
  readonly ownFlags?: Readonly<Record<string, OwnFlag>>;
  /** Config options that belong to other commands: `outbound` is no flag of `proxy`. */
  readonly withoutOptions?: readonly string[];
  /** What this command uses where nobody says otherwise. */
  readonly defaults?: ConfigSources["defaults"];
  /** `none`: operands are refused. `command`: the first operand, or `--`, begins a command that is left alone. */
  readonly operands: "none" | "command";
}

export interface CommandLine {
  readonly config: Config;
  /** Values of own flags; only those that were given, in the order of writing. */
  readonly own: ReadonlyMap<string, readonly string[]>;
  /** The command to run with its arguments; empty where there is none. */
  readonly rest: readonly string[];
}

/**
 * Flags, variables and config file as one; `help` where that was asked for, and then nothing is read. Throws `usage`
 * for a flag that does not exist, `bad_config` for a value that is wrong.
 */
export async function readCommandLine(
  args: readonly string[],
  shell: Pick<Shell, "env" | "cwd"> & Partial<Pick<Shell, "stderr">>,
  spec: CommandLineSpec,
): Promise<CommandLine | "help"> {
  const parsed = parseFlags(args, spec);
  if (parsed === "help") return "help";
  for (const line of mistypedVariables(shell.env)) shell.stderr?.write(`understudy: ${line}\n`);
  const config = await loadConfig({
    flags: parsed.flags,
    env: shell.env,
    file: parsed.file,
    readFile: (path) => readFile(isAbsolute(path) ? path : join(shell.cwd, path)),
    ...(spec.defaults ? { defaults: spec.defaults } : {}),
  });
  return { config, own: parsed.own, rest: parsed.rest };
}

const variablesOfNoOption = ["CONFIG", "DEBUG", "STORE_TOKEN", "STORE_PASSWORD"].map(
  (name) => `UNDERSTUDY_${name}`,
);

/**
 * Variables that were meant for us, and are spelled wrong. Only a word on stderr: Kubernetes sets variables of its own with
 * the name of each service, and one may be called understudy.
 */
export function mistypedVariables(env: Shell["env"]): readonly string[] {
  const known = [...variablesOfNoOption, ...allOptions.map(({ key }) => variableOf(key))];
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith("UNDERSTUDY_") || env[name] === "" || known.includes(name)) return [];
    const near = nearest(name, known);
    return near === undefined ? [] : [`${printable(name)}: no such variable; did you mean ${near}?`];
  });
}

interface ParsedFlags {
  /** By option key. */
  readonly flags: Map<string, string>;
  readonly own: Map<string, string[]>;
  file: string | undefined;
  readonly rest: readonly string[];
}

interface KnownFlag extends OwnFlag {
  readonly short?: string;
  /** Of a config option. */
  readonly key?: string;
  /** Given again, it adds to what was given: `--upstream-cas a.pem --upstream-cas b.pem`. */
  readonly isList?: boolean;
}

function parseFlags(args: readonly string[], spec: CommandLineSpec): ParsedFlags | "help" {
  const known = knownFlags(spec);
  const options = Object.fromEntries(
    [...known].map(([name, { type, short }]) => [
      name,
      { type, multiple: true, ...(short ? { short } : {}) },
    ]),
  );
  const { ours, rest } = splitRest(args, known, spec.operands);
  if (spec.operands === "none" && rest[0] !== undefined) throw unexpectedWord(rest[0], spec.command);
  const { tokens } = parseArgs({ args: ours, options, strict: false, allowPositionals: true, tokens: true });
  const parsed: ParsedFlags = { flags: new Map(), own: new Map(), file: undefined, rest };
  for (const token of tokens) {
    if (token.kind === "positional") throw unexpectedWord(token.value, spec.command);
    if (token.kind !== "option") continue;
    const flag = known.get(token.name);
    if (!flag) throw unknownFlag(token.rawName, [...known.keys()], spec.command);
    if (token.name === "help") return "help";
    takeFlag(parsed, token.name, flag, givenValue(token.rawName, token.value, flag));
  }
  return parsed;
}

function takeFlag(parsed: ParsedFlags, name: string, flag: KnownFlag, value: string): void {
  if (flag.key !== undefined) {
    const before = parsed.flags.get(flag.key);
    if (flag.key === "rules" && before !== undefined && before !== value) throw rulesTwice(before, value);
    parsed.flags.set(flag.key, flag.isList && before !== undefined ? `${before},${value}` : value);
  } else if (name === "config") parsed.file = value;
  else parsed.own.set(name, [...((flag.multiple && parsed.own.get(name)) || []), value]);
}

/** The last one of a flag wins, so that wrappers can be overruled; but calls that nobody mocks reach the real server. */
function rulesTwice(first: string, second: string): UnderstudyError {
  const got = `${JSON.stringify(first)} and ${JSON.stringify(second)}`;
  return new UnderstudyError(
    "usage",
    `--rules: expected one file or folder, got ${got}; a folder may hold many files`,
  );
}

function knownFlags(spec: CommandLineSpec): ReadonlyMap<string, KnownFlag> {
  const known = new Map<string, KnownFlag>([
    ["help", { type: "boolean", short: "h" }],
    ["config", { type: "string" }],
  ]);
  for (const { key, kind } of allOptions) {
    if (spec.withoutOptions?.includes(key)) continue;
    known.set(flagOf(key).slice(2), {
      key,
      type: kind.placeholder === null ? "boolean" : "string",
      ...(key === "quiet" ? { short: "q" } : {}),
      isList: kind.placeholder?.endsWith(",…") ?? false,
    });
  }
  for (const [name, flag] of Object.entries(spec.ownFlags ?? {})) known.set(name, flag);
  return known;
}

/** Where a command follows, it begins at `--`, or at the first word that is neither a flag nor the value of one. */
function splitRest(
  args: readonly string[],
  known: ReadonlyMap<string, KnownFlag>,
  operands: CommandLineSpec["operands"],
): { ours: string[]; rest: readonly string[] } {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (word === "--") return { ours: args.slice(0, at), rest: args.slice(at + 1) };
    if (!word.startsWith("-") || word === "-") {
      if (operands === "command") return { ours: args.slice(0, at), rest: args.slice(at) };
    } else if (!word.includes("=") && known.get(word.slice(2))?.type === "string") at++;
  }
  return { ours: [...args], rest: [] };
}

function givenValue(rawName: string, value: string | undefined, flag: KnownFlag): string {
  if (value !== undefined) return value;
  if (flag.type === "boolean") return "true";
  throw new UnderstudyError("usage", `${rawName}: expected a value, as in ${rawName}=VALUE`);
}

/** The part of a help text about the flags that all modes share. */
export const sharedFlagsHelp = `Flags of all modes:
  --listen ADDR:PORT       where the explicit proxy listens
  --admin ADDR:PORT|off    health, metrics and the journal over HTTP
  --rules FILE|FOLDER      the rules; followed while the program runs
  --store URL              a store whose rules are followed too:
                           consul://HOST:PORT or etcd://HOST:PORT,…; see
                           docs/stores.md
  --service NAME           the service beside which this runs, for rules meant
                           for it
  --ca-dir FOLDER          your certificate authority, with which HTTPS is
                           opened
  --upstream-cas FILE,…    authorities that are trusted for upstreams, besides
                           the system's
  --insecure-upstream H,…  hosts whose certificates are not verified
  --config FILE            a config file; config/understudy.yaml shows every
                           option
  --log-level LEVEL        least level of JSON lines: debug, info, warn, error
  -q, --quiet              no line per call, only troubles of our own
  --json                   JSON lines on stdout instead of lines for people
  -h, --help               this text

Each flag is a variable too: --log-level is UNDERSTUDY_LOG_LEVEL. A flag wins
over a variable, a variable over the config file. understudy help options lists
the rest.
`;

/** All options as a text, for \`understudy help options\`. */
export function allOptionsHelp(): string {
  const indent = "    ";
  const entries = allOptions.map(({ key, kind, fallback, summary }) => {
    const value = kind.placeholder === null ? "" : ` ${kind.placeholder}`;
    const usual = fallback === null ? "" : ` [${kind.print(fallback)}]`;
    const names = `${variableOf(key)}, ${key} in the config file`;
    const lines = [`${flagOf(key)}${value}${usual}`, wrapped(summary, indent), wrapped(names, indent)];
    return `${lines.join("\n")}\n`;
  });
  return `Every option, with its default, its variable and its name in the config file.\n\n${entries.join("\n")}`;
}
