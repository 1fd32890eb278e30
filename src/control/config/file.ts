// The config file as a flat list of named values, each with its line. Knows YAML and the names of options, not values.

import { isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { messageOf } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";

export interface FileEntry {
  /** `limits.maxHeadBytes`. */
  readonly key: string;
  /** `understudy.yaml:7: limits.maxHeadBytes`. */
  readonly origin: string;
  readonly value: unknown;
}

export interface FileReading {
  readonly entries: readonly FileEntry[];
  /** One line each, with file and line number. */
  readonly problems: readonly string[];
}

/** What the parser says in words for programmers, by its code. */
const plainReasons: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "this key is written twice",
  MULTIPLE_DOCS: "expected one document, got --- and a second one",
};

/** `name` is shown in messages; `keys` are the known options. An empty file is a file without options. */
export function readConfigText(text: string, name: string, keys: readonly string[]): FileReading {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeOf = (offset: number) => `${name}:${lines.linePos(offset).line}`;
  const mistakes = [...document.errors, ...document.warnings];
  if (mistakes.length > 0) {
    const problems = mistakes.map(
      ({ pos, code, message }) => `${placeOf(pos[0])}: ${plainReasons[code] ?? message.split("\n")[0]}`,
    );
    return { entries: [], problems };
  }
  const reader = new Reader(placeOf, keys, (node) => node.toJS(document, { maxAliasCount: 100 }));
  reader.readSection(document.contents, "", name);
  return reader;
}

class Reader implements FileReading {
  readonly entries: FileEntry[] = [];
  readonly problems: string[] = [];
  readonly #placeOf: (offset: number) => string;
  readonly #keys: readonly string[];
  readonly #jsOf: (node: Node) => unknown;

  constructor(placeOf: (offset: number) => string, keys: readonly string[], jsOf: (node: Node) => unknown) {
    this.#placeOf = placeOf;
    this.#keys = keys;
    this.#jsOf = jsOf;
  }

  /** `prefix`: "" at the top, `limits.` in a section. */
  readSection(node: unknown, prefix: string, place: string): void {
    if (node === null || (isScalar(node) && node.value === null)) return; // all its options may be commented out
    if (!isMap<Node, Node | null>(node)) {
      const field = prefix === "" ? "" : `${prefix.slice(0, -1)}: `;
      this.problems.push(`${place}: ${field}expected options as "name: value" lines`);
      return;
    }
    for (const { key, value } of node.items) this.#readPair(key, value, prefix);
  }

  #readPair(keyNode: Node, value: Node | null, prefix: string): void {
    const place = this.#placeOf(keyNode.range?.[0] ?? 0);
    const key = `${prefix}${isScalar(keyNode) ? String(keyNode.value) : "?"}`;
    const origin = `${place}: ${key}`;
    if (this.#keys.includes(key)) this.#readValue(key, origin, value);
    else if (prefix === "" && this.#keys.some((known) => known.startsWith(`${key}.`)))
      this.readSection(value, `${key}.`, place);
    else this.problems.push(`${origin}: no such option${this.#suggestion(key)}`);
  }

  #readValue(key: string, origin: string, value: Node | null): void {
    try {
      this.entries.push({ key, origin, value: value === null ? null : this.#jsOf(value) });
    } catch (thrown) {
      // An alias without its anchor, or aliases that blow up.
      this.problems.push(`${origin}: ${messageOf(thrown)}`);
    }
  }

  #suggestion(key: string): string {
    const sections = this.#keys
      .filter((known) => known.includes("."))
      .map((known) => known.split(".")[0] ?? "");
    const last = key.split(".").at(-1) ?? "";
    const near =
      nearest(key, [...this.#keys, ...sections]) ??
      this.#keys.find((known) => known.split(".").at(-1) === last);
    return near === undefined ? "" : `; did you mean ${near}?`;
  }
}
