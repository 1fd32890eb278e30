// Where a bracket or a quote that is never closed was opened. The parser tells where it gave up: a line or many behind.

import { type Document, isCollection, isMap, isScalar, type Node, visit } from "yaml";

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

/** What `mistake`, one of the document's, is about; null where that is nothing unclosed. */
export function unclosedAt(document: Document.Parsed, text: string, mistake: Mistake): Opening | null {
  const sign = signOfMistake(mistake);
  if (sign === null) return null;
  const [end] = mistake.pos;
  const offsets: number[] = [];
  visit(document, {
    Node(_key, node) {
      if (node.range?.[1] === end && signOfNode(node) === sign) offsets.push(node.range[0]);
    },
  });
  // Of those that end here, from the outermost on, the innermost ones may be closed: so many of them are not.
  const unclosed = document.errors.filter((other) => other.pos[0] === end && signOfMistake(other) === sign);
  const offset = offsets[unclosed.length - 1];
  return offset === undefined
    ? null
    : { offset, reason: `the ${sign} of ${shown(text, offset)} is not closed` };
}

/** Whether the parser misses the end of something: only then `unclosedAt` has to look. */
export function saysUnclosed(mistake: Mistake): boolean {
  return signOfMistake(mistake) !== null;
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
