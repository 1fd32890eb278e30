// The fast road for rules in YAML: the subset in which nearly all rules are written, read line by line. Whatever it does not
// know for sure (anchors, tags, values over several lines, numbers in other spellings, every mistake) it leaves to the whole
// parser, which gives the same value for the rest and alone tells what is wrong.
//
//   block    mappings and lists by indentation; literal texts behind `|` and `|-`
//   line     plain and quoted scalars, {flow} and [flow] collections, comments

import { isUnknown, PlainFlow, plainScalar, unknown } from "./plain-flow.ts";

/** The value of a YAML text; undefined where the text is more than the subset holds, or wrong. */
export function readPlainYaml(text: string): { readonly value: unknown } | undefined {
  if (strange.test(text)) return undefined;
  try {
    return { value: new PlainReader(text).read() };
  } catch (thrown) {
    if (isUnknown(thrown)) return undefined;
    throw thrown;
  }
}

/** Tabs, carriage returns and whatever else YAML or a reader might see in a special way. */
const strange = /[^\n\x20-\x7e\u00a1-\u167f\u2030-\u2fff\u3001-\ud7ff]|__proto__/;

const maxDepth = 50;
const entry = /^( *)((?:- +)?)(?:"([^"\\]*)"|'([^']*)'|([A-Za-z_$][\w$./-]*)):(?: +(.*))?$/;
const item = /^( *)-(?: +(.*))?$/;
const nothing = /^ *(?:#.*)?$/;
/** What YAML takes for null may not be a key here; other words are texts. */
const nullWord = /^(?:null|Null|NULL)$/;

interface Entry {
  /** Column of the key. */
  readonly indent: number;
  /** Behind a dash. */
  readonly isItem: boolean;
  readonly key: string;
  /** What follows on the line; "" for nothing. */
  readonly rest: string;
}

class PlainReader {
  readonly #lines: readonly string[];
  #next = 0;

  constructor(text: string) {
    this.#lines = text.split("\n");
  }

  read(): unknown {
    const value = this.#block(0, 0);
    if (this.#indent() !== -1) throw unknown;
    return value;
  }

  /** Of the next line that holds something; -1 at the end. */
  #indent(): number {
    for (; this.#next < this.#lines.length; this.#next++) {
      const line = this.#lines[this.#next] ?? "";
      if (!nothing.test(line)) return line.search(/[^ ]/);
    }
    return -1;
  }

  get #line(): string {
    return this.#lines[this.#next] ?? "";
  }

  /** What stands at the next line, which is indented by `least` or more. */
  #block(least: number, depth: number): unknown {
    const indent = this.#indent();
    if (indent < least || depth > maxDepth) throw unknown;
    if (item.test(this.#line)) return this.#list(indent, depth);
    const first = this.#entry();
    if (first === null) throw unknown;
    return this.#mapping(first, depth);
  }

  #entry(): Entry | null {
    const found = entry.exec(this.#line);
    if (found === null) return null;
    const [, before = "", dash = "", double, single, plain = "", rest = ""] = found;
    const key = double ?? single ?? plain;
    if (double === undefined && single === undefined && nullWord.test(key)) throw unknown;
    return {
      indent: before.length + dash.length,
      isItem: dash !== "",
      key,
      rest: rest.startsWith("#") ? "" : rest.trimEnd(),
    };
  }

  #list(indent: number, depth: number): readonly unknown[] {
    const items: unknown[] = [];
    while (this.#indent() === indent) {
      const found = item.exec(this.#line);
      // Less than an item: the mapping goes on in which the list stands.
      if (found === null) return items;
      items.push(this.#item(indent, found[2] ?? "", depth));
    }
    if (this.#indent() > indent) throw unknown;
    return items;
  }

  #item(indent: number, rest: string, depth: number): unknown {
    const first = this.#entry();
    if (first?.isItem) return this.#mapping(first, depth + 1);
    if (/^- |^-$/.test(rest)) throw unknown;
    this.#next++;
    return this.#value(rest.startsWith("#") ? "" : rest.trimEnd(), indent, indent + 1, depth);
  }

  /** `first`: the entry of the next line. */
  #mapping(first: Entry, depth: number): Readonly<Record<string, unknown>> {
    const mapping: Record<string, unknown> = {};
    if (depth > maxDepth) throw unknown;
    const { indent } = first;
    for (let at: Entry | null = first; ; ) {
      if (at === null || at.isItem !== (at === first && first.isItem) || Object.hasOwn(mapping, at.key))
        throw unknown;
      this.#next++;
      // The items of a list may stand below their key, as deep as it.
      const isList = at.rest === "" && this.#indent() === indent && item.test(this.#line);
      mapping[at.key] = isList
        ? this.#list(indent, depth + 1)
        : this.#value(at.rest, indent, indent + 1, depth);
      const next = this.#indent();
      if (next > indent) throw unknown;
      if (next < indent || item.test(this.#line)) return mapping;
      at = this.#entry();
    }
  }

  /** `rest`: what stands behind the colon or the dash; where that is nothing, deeper lines hold the value. */
  #value(rest: string, parent: number, least: number, depth: number): unknown {
    if (rest === "") return this.#indent() < least ? null : this.#block(least, depth + 1);
    if (rest === "|" || rest === "|-") return this.#literal(parent, rest === "|");
    const value = rest[0] === "{" || rest[0] === "[" ? new PlainFlow(rest).read() : plainScalar(rest);
    // A deeper line would go on with it.
    if (this.#indent() > parent) throw unknown;
    return value;
  }

  /** The lines as they are, without their indentation (YAML 1.2 §8.1.2). */
  #literal(parent: number, endsInBreak: boolean): string {
    const indent = this.#line.search(/[^ ]/);
    if (indent <= parent) throw unknown;
    const lines: string[] = [];
    for (; this.#next < this.#lines.length; this.#next++) {
      const line = this.#line;
      const own = line.search(/[^ ]/);
      if (own === -1 && line.length > indent) throw unknown;
      if (own !== -1 && own < indent) break;
      lines.push(line.slice(indent));
    }
    // Comments less deep than the text end it, but not where they are deeper than what comes after.
    if (this.#next < this.#lines.length && this.#line.trimStart().startsWith("#")) throw unknown;
    const text = lines.join("\n").replace(/\n+$/, "");
    return endsInBreak ? `${text}\n` : text;
  }
}
