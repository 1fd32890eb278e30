// What is wrong with a text that is no YAML: where, and in words for people. One line a mistake: the parser tells what came of it, too.

import type { Document } from "yaml";
import { type Mistake, openingsOf } from "./unclosed.ts";

export interface SyntaxMistake {
  /** Offset into the text in UTF-16 units. */
  readonly offset: number;
  readonly message: string;
}

/** What the parser says in words for programmers, by its code. */
const plainReasons: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS:
    "expected one document, got --- and a second one: all rules go into one list, or into files of one folder",
  RESOURCE_EXHAUSTION: "not valid YAML: nested too deeply",
};

/** What is most likely meant by the parser's words, which tell little to people. */
const hints: readonly (readonly [said: RegExp, hint: string])[] = [
  [/^Nested mappings /, 'text with ": " in it needs quotes, and the - of an item a space behind it'],
  [/^A block sequence /, "all items of a list begin at the same column"],
  [/^Implicit keys /, 'is there no ":", or no space behind it?'],
];

const tabs = "Tabs are not allowed as indentation";

/**
 * The first mistake of a line, and of those told at the same place, in the parser's order and at most `most`. A text that is no
 * YAML at all may have one at every word, so each costs little.
 */
export function syntaxMistakes(
  document: Document.Parsed,
  text: string,
  most: number,
): readonly SyntaxMistake[] {
  const mistakes: readonly Mistake[] = [...document.errors, ...document.warnings];
  const found: SyntaxMistake[] = [];
  if (mistakes.length === 0) return found;
  const [startOfLine, openingOf] = [lineStarts(text), openingsOf(document, text)];
  const [lines, ends] = [new Set<number>(), new Set<number>()];
  for (const mistake of mistakes) {
    if (found.length >= most) break;
    const [end] = mistake.pos;
    if (ends.has(end)) continue;
    const line = startOfLine(end);
    const hasTab = !lines.has(line) && /^ *\t/.test(text.slice(line, end + 1));
    const unclosed = hasTab ? null : openingOf(mistake);
    const { offset, reason } = unclosed ?? { offset: end, reason: hasTab ? tabs : plainly(mistake) };
    if (lines.has(startOfLine(offset))) continue;
    ends.add(end);
    lines.add(startOfLine(offset));
    found.push({ offset, message: plainReasons[mistake.code] ?? `not valid YAML: ${reason}` });
  }
  return found;
}

function plainly({ message }: Mistake): string {
  const [said = ""] = message.split("\n", 1);
  const [, hint] = hints.find(([words]) => words.test(said)) ?? [];
  return hint === undefined ? said : `${said} (${hint})`;
}

/** Tells where the line of an offset begins. */
function lineStarts(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return starts[low] ?? 0;
  };
}
