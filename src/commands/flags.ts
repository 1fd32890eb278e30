// The flags of commands that have a few of their own: Node's parser, whose refusals are told in our words.

import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { UnderstudyError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";

/** What such a command takes. */
export interface FlagsSpec<T extends ParseArgsOptionsConfig> {
  /** For messages: `rules check`. */
  readonly command: string;
  readonly options: T;
  /** Words that are no flags, in messages: `one file of rules`; null: there may be none. */
  readonly operands: string | null;
}

type Parsed<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: T; allowPositionals: true }>
>;

/** Throws `usage` for a flag that does not exist, lacks its value or takes none, and for a word too many. */
export function parseFlags<T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  spec: FlagsSpec<T>,
): Parsed<T> {
  const config = { args: [...args], options: spec.options, allowPositionals: true } as const;
  const mistake = mistakeIn(config, spec);
  if (mistake !== null) throw mistake;
  return parseArgs(config);
}

function mistakeIn<T extends ParseArgsOptionsConfig>(
  config: ParseArgsConfig,
  { command, options, operands }: FlagsSpec<T>,
): UnderstudyError | null {
  const { tokens } = parseArgs({ ...config, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === "positional" && operands === null) return unexpectedWord(token.value, command);
    if (token.kind !== "option") continue;
    const { rawName, value } = token;
    const type = Object.hasOwn(options, token.name) ? options[token.name]?.type : undefined;
    if (type === undefined) return unknownFlag(rawName, Object.keys(options), command);
    if (type === "boolean") {
      if (value !== undefined) return usage(`${rawName}: expected no value, got ${JSON.stringify(value)}`);
    } else if (value === undefined || (value.startsWith("-") && value !== "-" && !token.inlineValue)) {
      const got = value === undefined ? "" : `, got the flag ${value}`;
      const written = rawName.startsWith("--") ? `${rawName}=VALUE` : `${rawName}VALUE`;
      return usage(`${rawName}: expected a value, as in ${written}${got}`);
    }
  }
  return null;
}

/** A word where only flags may stand. */
export function unexpectedWord(word: string, command: string): UnderstudyError {
  return usage(
    `${JSON.stringify(word)}: understudy ${command} expects flags alone; see understudy ${command} --help`,
  );
}

/** `known`: names without dashes. */
export function unknownFlag(rawName: string, known: readonly string[], command: string): UnderstudyError {
  const near = nearest(rawName.replace(/^-+/, ""), known);
  const hint = near === undefined ? `see understudy ${command} --help` : `did you mean --${near}?`;
  return usage(`${rawName}: no such flag of understudy ${command}; ${hint}`);
}

function usage(message: string): UnderstudyError {
  return new UnderstudyError("usage", message);
}
