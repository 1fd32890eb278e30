// Where a bracket or a quote that is never closed was opened. The parser tells where it gave up: a line or many behind.

import { type Document, isCollection, isMap, isNode, isPair, isScalar, type Node } from "yaml";

export interface Opening {
  /** Offset into the text in UTF-16 units. */
  readonly offset: number;
  /** `the { of {status: 402 is not closed`. */
  readonly reason: string;
}

/** What the parser complains of. */
export type Mistake = Document.Parsed["errors"][number] | Document.Parsed["warnings"][number];

/** UTF-16 units of the text that are shown. */
const maxShown = 30;

/**
 * What a mistake of the document is about; null where that is nothing unclosed. The document is walked over once, when it is first
 * asked about one that is.
 */
export function openingsOf(document: Document.Parsed, text: string): (mistake: Mistake) => Opening | null {
  let begun: ReadonlyMap<string, readonly number[]> | null = null;
  const unclosed = countBy(document.errors.flatMap((error) => placeOfMistake(error) ?? []));
  return (mistake) => {
    const place = placeOfMistake(mistake);
    if (place === null) return null;
    begun ??= offsetsByEnd(document.contents);
    // Of those that end here, from the outermost on, the innermost ones may be closed: so many of them are not.
    const offset = begun.get(place)?.[(unclosed.get(place) ?? 0) - 1];
    if (offset === undefined) return null;
    return { offset, reason: `the ${text[offset]} of ${shown(text, offset)} is not closed` };
  };
}

/** Where brackets and quotes begin, by where they end and what they are; from the outermost on. */
function offsetsByEnd(contents: unknown): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  const waiting: unknown[] = [contents];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (isPair(node)) waiting.push(node.value, node.key);
    if (!isNode(node)) continue;
    const sign = signOfNode(node);
    if (sign !== null && node.range) {
      const place = placeOf(node.range[1], sign);
      const others = found.get(place);
      if (others) others.push(node.range[0]);
      else found.set(place, [node.range[0]]);
    }
    if (isCollection(node)) for (let i = node.items.length - 1; i >= 0; i--) waiting.push(node.items[i]);
  }
  return found;
}

function countBy(places: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const place of places) counts.set(place, (counts.get(place) ?? 0) + 1);
  return counts;
}

function placeOf(end: number, sign: string): string {
  return `${end} ${sign}`;
}

function placeOfMistake(mistake: Mistake): string | null {
  const sign = signOfMistake(mistake);
  return sign === null ? null : placeOf(mistake.pos[0], sign);
}

/** The rest of the line, or its beginning. */
function shown(text: string, offset: number): string {
  const [line = ""] = text.slice(offset, offset + maxShown + 1).split(/\r?\n/, 1);
  return line.length > maxShown ? `${line.slice(0, maxShown)}…` : line.trimEnd();
}

function signOfMistake({ message }: Mistake): string | null {
  const closing = /^Flow (?:map|sequence)\b.* end with a (.)|^Missing closing (.)/.exec(message);
  const sign = closing?.[1] ?? closing?.[2] ?? null;
  return sign === "}" ? "{" : sign === "]" ? "[" : sign;
}

function signOfNode(node: Node): string | null {
  if (isCollection(node)) return node.flow ? (isMap(node) ? "{" : "[") : null;
  if (!isScalar(node)) return null;
  return node.type === "QUOTE_DOUBLE" ? '"' : node.type === "QUOTE_SINGLE" ? "'" : null;
}
