// Where the rules of a file stand in its text, found without parsing it. With that each rule is parsed by itself: memory
// stays flat, traffic gets a turn between two rules, and a line number is looked up in one rule instead of the whole file.
// A text that does not have the usual layout gives null, and is parsed in one piece.

export interface Layout {
  readonly format: "yaml" | "json";
  /** All but the rules. Offsets from `gapStart` on are `gapLength` less than in the text. */
  readonly head: string;
  readonly gapStart: number;
  readonly gapLength: number;
  /** Start and end of each rule in the text; YAML pieces hold one list item with its indentation. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** The layout of `version: …` with a `rules:` list in block style, or of a JSON object with a `rules` array. */
export function layoutOf(text: string): Layout | null {
  return /^\s*\{/.test(text.slice(0, 1_000)) ? jsonLayout(text) : yamlLayout(text);
}

function withoutGap(
  text: string,
  format: Layout["format"],
  starts: readonly number[],
  ends: readonly number[],
): Layout | null {
  const [gapStart, gapEnd] = [starts[0], ends.at(-1)];
  if (gapStart === undefined || gapEnd === undefined) return null;
  const head = text.slice(0, gapStart) + text.slice(gapEnd);
  return { format, head, gapStart, gapLength: gapEnd - gapStart, starts, ends };
}

/**
 * Items are the lines `- …` at the indentation of the first one. Inside an item every line of a valid document is indented
 * deeper, block and quoted scalars included (YAML 1.2 §8.2.1), so such a line can be nothing else.
 */
function yamlLayout(text: string): Layout | null {
  // A directive may change how scalars are read.
  const opening = text.startsWith("%") ? null : /^rules:[ \t]*(?:#.*)?\r?\n/m.exec(text);
  if (opening === null) return null;
  const starts: number[] = [];
  let itemIndent = -1;
  let end = text.length;
  let line = opening.index + opening[0].length;
  while (line < text.length) {
    const newline = text.indexOf("\n", line);
    const next = newline === -1 ? text.length : newline + 1;
    const { indent, kind } = lineKind(text, line, next);
    if (kind === "dash" && (itemIndent === -1 || indent === itemIndent)) {
      itemIndent = indent;
      starts.push(line);
    } else if (kind !== "empty" && indent <= itemIndent) {
      end = line;
      break;
    } else if (kind !== "empty" && itemIndent === -1) return null;
    line = next;
  }
  return withoutGap(text, "yaml", starts, [...starts.slice(1), end]);
}

function lineKind(
  text: string,
  start: number,
  end: number,
): { indent: number; kind: "empty" | "dash" | "other" } {
  let at = start;
  while (at < end && text[at] === " ") at++;
  const indent = at - start;
  const startsWithTab = text[at] === "\t";
  while (at < end && (text[at] === " " || text[at] === "\t")) at++;
  const first = text[at];
  if (at >= end || first === "\n" || first === "\r" || first === "#") return { indent, kind: "empty" };
  // No valid line of any depth: it is told with the item in which it stands.
  if (startsWithTab) return { indent: Number.POSITIVE_INFINITY, kind: "other" };
  const after = text[at + 1];
  const dash = first === "-" && (after === undefined || after === " " || after === "\n" || after === "\r");
  return { indent, kind: dash ? "dash" : "other" };
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** One pass over the text that looks at quotes and brackets alone. */
function jsonLayout(text: string): Layout | null {
  const starts: number[] = [];
  const ends: number[] = [];
  let depth = 0;
  let key = "";
  let inRules = false;
  let itemStart = -1;
  const closeItem = (at: number) => {
    if (itemStart === -1) return;
    starts.push(itemStart);
    ends.push(at);
    itemStart = -1;
  };
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= 0x20) continue;
    if (inRules && depth === 2 && itemStart === -1 && code !== comma && code !== closeBracket) itemStart = at;
    if (code === quote) {
      const end = endOfString(text, at);
      if (end === -1) return null;
      if (depth === 1) key = text.slice(at + 1, end);
      at = end;
    } else if (code === openBrace || code === openBracket) {
      depth++;
      if (depth === 2) inRules = code === openBracket && key === "rules" && starts.length === 0;
    } else if (code === closeBrace || code === closeBracket) {
      if (inRules && depth === 2) {
        closeItem(at);
        inRules = false;
      }
      depth--;
      if (depth < 0) return null;
    } else if (code === comma && inRules && depth === 2) {
      if (itemStart === -1) return null; // between two commas there is nothing
      closeItem(at);
    }
  }
  return depth === 0 ? withoutGap(text, "json", starts, ends) : null;
}

/** Index of the closing quote of the string that opens at `start`; -1 where it has none. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slashes = end - 1;
    while (text.charCodeAt(slashes) === backslash) slashes--;
    if ((end - 1 - slashes) % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}
