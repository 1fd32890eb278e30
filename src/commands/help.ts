// `understudy help`: what this is, the commands, three examples; and the text of each command.

import { UnderstudyError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Command } from "./command.ts";
import { allOptionsHelp } from "./options.ts";

/** A command before it is loaded: what the list of commands shows, and how to get the rest. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** The text of `understudy --help`. */
export function overview(entries: readonly CommandEntry[]): string {
  return `understudy stands beside a program: calls that a rule names are mocked or
disturbed, all others go through byte for byte.

Usage: understudy COMMAND [FLAGS]

${listOf(entries)}

Examples:
  understudy run -- npm test                   see every call that it makes
  understudy run --rules mocks.yaml -- ./shop  mock some, relay the rest
  understudy rules check mocks.yaml            find mistakes, with their lines

understudy help COMMAND tells more about one; understudy help options lists all
options. UNDERSTUDY_DEBUG=decide,relay (or *) shows what happens inside, see
docs/debug.md.
`;
}

function listOf(entries: readonly CommandEntry[]): string {
  const width = Math.max(...entries.map(({ name }) => name.length)) + 2;
  return entries.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`).join("\n");
}

/** Of the commands whose first word is the same; the text of `understudy rules --help`. */
function familyHelp(word: string, family: readonly CommandEntry[]): string {
  return `Usage: understudy ${word} COMMAND [FLAGS]

${listOf(family)}

understudy help ${word} COMMAND tells more about one.
`;
}

/** The command that the first words name: two-word names win over one-word ones. Throws `usage` with a suggestion. */
export function findCommand(
  words: readonly string[],
  entries: readonly CommandEntry[],
): { entry: CommandEntry; args: readonly string[] } {
  const [first = "", second = ""] = words;
  const pair = entries.find(({ name }) => name === `${first} ${second}`);
  if (pair) return { entry: pair, args: words.slice(2) };
  const single = entries.find(({ name }) => name === first);
  if (single) return { entry: single, args: words.slice(1) };
  throw unknownCommand(first, second, entries);
}

function unknownCommand(first: string, second: string, entries: readonly CommandEntry[]): UnderstudyError {
  const names = entries.map(({ name }) => name);
  const family = names.filter((name) => name.startsWith(`${first} `));
  const families = names.flatMap((name) => (name.includes(" ") ? [name.slice(0, name.indexOf(" "))] : []));
  if (family.length > 0 && (second === "" || second.startsWith("-"))) {
    return new UnderstudyError("usage", `${first}: expected one of ${family.join(", ")}`);
  }
  const near =
    nearest(`${first} ${second}`.trim(), names) ??
    nearest(first, [...new Set([...names, ...families]), "help", "--help", "--version"]);
  const written = family.length > 0 ? `${first} ${second}` : first;
  const hint = near === undefined ? "see understudy --help" : `did you mean ${near}?`;
  return new UnderstudyError("usage", `${written}: no such command; ${hint}`);
}

/** The text for `understudy help WORDS…`. Throws `usage` where they name nothing. */
export async function helpFor(words: readonly string[], entries: readonly CommandEntry[]): Promise<string> {
  if (words.length === 0 || words[0] === "help") return overview(entries);
  if (words[0] === "options") return allOptionsHelp();
  const [word = ""] = words;
  const family = entries.filter(({ name }) => name.startsWith(`${word} `));
  if (words.length === 1 && family.length > 0) return familyHelp(word, family);
  return (await findCommand(words, entries).entry.load()).help;
}
