// YAML 1.2 text to plain values, with the place of everything kept: what is written twice, what an alias stands for, where
// a path begins. Knows nothing of rules. Aliases may not blow up, nesting is bounded, and nothing is thrown.

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";
import type { RulePath } from "../../core/rule-problem.ts";
import { printValue } from "./print-value.ts";
import { syntaxMistakes } from "./syntax-mistakes.ts";

export interface YamlComplaint {
  /** Offset into the text in UTF-16 units. */
  readonly offset: number;
  readonly path: RulePath;
  readonly message: string;
}

export interface YamlTree {
  /** Plain data; what is in it when `complaints` is not empty is only good for finding more mistakes. */
  readonly value: unknown;
  readonly complaints: readonly YamlComplaint[];
  /** The text is not YAML at all: what came out of it is a guess. */
  readonly malformed: boolean;
  /** An alias had no anchor in this text. */
  readonly anchorMissing: boolean;
  /** Numbers written in a way that their value does not give back: `1.0`, `0x1F`, `007`. */
  readonly respelled: readonly {
    readonly path: RulePath;
    readonly offset: number;
    readonly source: string;
  }[];
  /** Offset of the deepest part of the path that exists. `key` points at the key, `value` at a scalar itself. */
  offsetOf(path: RulePath, at: "key" | "value"): number;
  /** How many steps of the path exist. */
  depthOf(path: RulePath): number;
}

const maxDepth = 100;
/** Nodes that aliases may add to what was written (the billion-laughs attack has none to speak of before that). */
const maxAliasedNodes = 100_000;
const maxComplaints = 1_000;

/** Reads one YAML document. JSON is YAML too. */
export function readYaml(text: string): YamlTree {
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, strict: true });
  const reader = new TreeReader(document, text);
  const value = reader.read();
  return {
    value,
    complaints: reader.complaints,
    malformed: document.errors.length > 0,
    anchorMissing: reader.anchorMissing,
    respelled: reader.respelled,
    offsetOf: (path, at) => reader.walk(path, at).offset,
    depthOf: (path) => reader.walk(path, "value").depth,
  };
}

class TreeReader {
  readonly complaints: YamlComplaint[] = [];
  readonly respelled: { path: RulePath; offset: number; source: string }[] = [];
  anchorMissing = false;
  readonly #document: Document.Parsed;
  readonly #text: string;
  readonly #anchors = new Map<string, Node>();
  readonly #targets = new Map<Alias, Node>();
  #aliasedNodes = 0;
  #insideAlias = 0;

  constructor(document: Document.Parsed, text: string) {
    this.#document = document;
    this.#text = text;
  }

  read(): unknown {
    const { errors, contents } = this.#document;
    for (const { offset, message } of syntaxMistakes(this.#document, this.#text, maxComplaints))
      this.#complain(offset, [], message);
    const told = this.complaints.length;
    const value = this.#plain(contents, [], 0);
    // Values of what is no YAML are a guess.
    if (errors.length > 0) this.complaints.length = told;
    return value;
  }

  #complain(offset: number, path: RulePath, message: string): void {
    if (this.complaints.length < maxComplaints) this.complaints.push({ offset, path, message });
  }

  #plain(node: unknown, path: RulePath, depth: number): unknown {
    if (depth > maxDepth) {
      this.#complain(offsetIn(node), path, `nested too deeply: expected at most ${maxDepth} levels`);
      return null;
    }
    if (this.#insideAlias > 0 && ++this.#aliasedNodes > maxAliasedNodes) return this.#bomb(node, path);
    const value = this.#plainOf(node, path, depth);
    // Registered after its content, so that an anchor can not contain itself.
    if (isAnchored(node)) this.#anchors.set(node.anchor, node);
    return value;
  }

  #plainOf(node: unknown, path: RulePath, depth: number): unknown {
    if (isAlias(node)) return this.#aliased(node, path, depth);
    if (isMap(node)) return this.#mapping(node, path, depth);
    if (isSeq(node)) return node.items.map((item, index) => this.#plain(item, [...path, index], depth + 1));
    if (!isScalar(node)) return null;
    const { value, source } = node;
    if (typeof value !== "number") return value;
    const offset = offsetIn(node);
    if (!Number.isFinite(value))
      this.#complain(offset, path, `expected a number that JSON can hold, got ${source}`);
    else if (source !== undefined && source !== String(value)) this.respelled.push({ path, offset, source });
    return value;
  }

  #bomb(node: unknown, path: RulePath): null {
    if (this.#aliasedNodes === maxAliasedNodes + 1)
      this.#complain(
        offsetIn(node),
        path,
        `aliases add too much: expected at most ${maxAliasedNodes} nodes from them`,
      );
    return null;
  }

  #aliased(node: Alias, path: RulePath, depth: number): unknown {
    const target = this.#targets.get(node) ?? this.#anchors.get(node.source);
    if (target === undefined) {
      this.anchorMissing = true;
      this.#complain(offsetIn(node), path, `expected an anchor &${node.source} before this alias, got none`);
      return null;
    }
    this.#targets.set(node, target);
    this.#insideAlias++;
    const value = this.#plain(target, path, depth);
    this.#insideAlias--;
    return value;
  }

  #mapping(node: YAMLMap, path: RulePath, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const merged: unknown[] = [];
    for (const pair of node.items) {
      const key = this.#keyOf(pair, path);
      if (key === undefined) continue;
      const value = this.#plain(pair.value, isMerge(pair) ? path : [...path, key], depth + 1);
      if (isMerge(pair)) merged.push(...(Array.isArray(value) ? value : [value]));
      else if (Object.hasOwn(result, key))
        this.#complain(offsetIn(pair.key), [...path, key], "this key is written twice");
      else result[key] = value;
    }
    // What is written beats what is merged; of several merged mappings the first wins.
    for (const source of merged) {
      if (typeof source !== "object" || source === null || Array.isArray(source))
        this.#complain(offsetIn(node), path, `expected a mapping behind <<, got ${printValue(source)}`);
      else
        for (const [key, value] of Object.entries(source))
          if (!Object.hasOwn(result, key)) result[key] = value;
    }
    return result;
  }

  #keyOf(pair: Pair, path: RulePath): string | undefined {
    const key = textOfKey(pair.key);
    if (key === undefined)
      this.#complain(offsetIn(pair.key), path, `expected a text as key, got ${oddKey(pair.key)}`);
    // Assigning it would change what an object is instead of adding a key.
    else if (key === "__proto__")
      this.#complain(offsetIn(pair.key), [...path, key], "the key __proto__ is not allowed");
    else return key;
    return undefined;
  }

  /** Follows the path through aliases and merges as far as it exists. */
  walk(path: RulePath, at: "key" | "value"): { offset: number; depth: number } {
    let node: unknown = this.#document.contents;
    let offset = offsetIn(node);
    for (const [depth, step] of path.entries()) {
      const next = this.#child(this.#behind(node), step);
      if (next === undefined) return { offset, depth };
      node = next.value;
      const wantsKey = at === "key" || !isScalar(node) || node.range === undefined;
      offset = next.key !== undefined && wantsKey ? offsetIn(next.key) : offsetIn(node);
    }
    return { offset, depth: path.length };
  }

  #behind(node: unknown): unknown {
    return isAlias(node) ? this.#targets.get(node) : node;
  }

  #child(node: unknown, step: string | number): { key?: unknown; value: unknown } | undefined {
    if (isSeq(node))
      return typeof step === "number" && step in node.items ? { value: node.items[step] } : undefined;
    if (!isMap(node)) return undefined;
    const pair = node.items.find((item) => textOfKey(item.key) === String(step));
    if (pair !== undefined) return { key: pair.key, value: pair.value };
    for (const merge of node.items.filter(isMerge)) {
      const source = this.#behind(merge.value);
      for (const candidate of isSeq(source) ? source.items : [source]) {
        const found = this.#child(this.#behind(candidate), step);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }
}

function isMerge(pair: Pair): boolean {
  return isScalar(pair.key) && pair.key.value === "<<" && (pair.key.type ?? "PLAIN") === "PLAIN";
}

function textOfKey(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  if (typeof key.value === "string") return key.value;
  return typeof key.value === "number" || typeof key.value === "boolean"
    ? (key.source ?? String(key.value))
    : undefined;
}

/** `{{…}}` without quotes is a mapping whose key is a mapping. */
function oddKey(key: unknown): string {
  return isMap(key)
    ? 'a mapping: text that begins with { needs quotes, as in "{{request.path}}"'
    : "something else";
}

function isAnchored(node: unknown): node is Node & { anchor: string } {
  return typeof node === "object" && node !== null && "anchor" in node && typeof node.anchor === "string";
}

function offsetIn(node: unknown): number {
  if (typeof node !== "object" || node === null || !("range" in node)) return 0;
  return Array.isArray(node.range) ? Number(node.range[0]) : 0;
}
