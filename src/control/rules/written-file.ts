// The text of one rules file, opened: its head, each rule's plain value, and the line of any path in it.

import type { RulePath } from "../../core/rule-problem.ts";
import { readJson } from "./json-piece.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { readYaml, type YamlTree } from "./yaml-tree.ts";

/** Longest text that is parsed in one piece; it takes about 75 times its size in memory. */
export const maxWholeChars = 4 * 1024 * 1024;

/** A value from the text. `tree` is there where it came through the YAML parser, and holds what that complained about. */
export interface Reading {
  readonly value: unknown;
  readonly tree: YamlTree | null;
}

export class WrittenFile {
  readonly #text: string;
  readonly #layout: Layout | null;
  /** Built when something is looked up in it: JSON without a mistake never needs it. */
  #headTree: YamlTree | null = null;
  /** Line on which each piece begins. */
  readonly #lines: readonly number[];

  /** `whole`: parse the text in one piece whatever its layout. The text may be up to `maxWholeChars` then. */
  constructor(text: string, whole: boolean) {
    this.#text = text;
    this.#layout = whole ? null : layoutOf(text);
    this.#lines = this.#layout === null ? [] : linesOf(text, this.#layout.starts);
  }

  /** What has to be parsed in one piece is too large for that. */
  get tooLarge(): boolean {
    return (this.#layout?.head ?? this.#text).length > maxWholeChars;
  }

  /** The rules are parsed one by one. */
  get inPieces(): boolean {
    return this.#layout !== null;
  }

  /** All but the rules; `rules` itself is empty where they are read one by one. */
  get head(): Reading {
    const fast = this.#layout?.format === "json" ? readJson(this.#layout.head) : undefined;
    const value = fast === undefined ? this.#head.value : fast.value;
    const own = this.#layout !== null && typeof value === "object" ? { ...value, rules: [] } : value;
    const tree = fast === undefined ? this.#head : null;
    return { value: this.#text.trim() === "" ? undefined : own, tree };
  }

  /** Of the list of rules something was left when they were cut out, as of an item that is indented less: no piece shows it. */
  get torn(): boolean {
    if (this.#layout === null) return false;
    const left = rulesIn(
      this.#layout.format === "json" ? readJson(this.#layout.head)?.value : this.#head.value,
    );
    return Array.isArray(left) ? left.length > 0 : left !== undefined && left !== null;
  }

  get ruleCount(): number {
    return this.#layout?.starts.length ?? this.#wholeRules().length;
  }

  /** The rule of that index, parsed. */
  readRule(index: number): Reading {
    if (this.#layout === null) return { value: this.#wholeRules()[index], tree: null };
    const piece = this.#piece(this.#layout, index);
    const fast = this.#layout.format === "json" ? readJson(piece) : undefined;
    if (fast !== undefined) return { value: fast.value, tree: null };
    const tree = readYaml(piece);
    return { value: this.#layout.format === "yaml" ? firstOf(tree.value) : tree.value, tree };
  }

  lineInHead(path: RulePath, at: "key" | "value"): number {
    return this.lineOfHeadOffset(this.#head.offsetOf(path, at));
  }

  lineOfHeadOffset(offset: number): number {
    const layout = this.#layout;
    const own = layout !== null && offset >= layout.gapStart ? offset + layout.gapLength : offset;
    return 1 + newlinesIn(this.#text, 0, own);
  }

  /** The line on which a rule begins. */
  startLine(index: number): number {
    return this.#lines[index] ?? this.lineInHead(["rules", index], "value");
  }

  /** `reading` spares parsing the rule again. */
  lineInRule(index: number, path: RulePath, at: "key" | "value", reading?: Reading): number {
    const { tree, prefix } = this.#treeOf(index, reading);
    const offset = tree.offsetOf([...prefix, ...path], at);
    return this.#layout === null ? this.lineOfHeadOffset(offset) : this.lineOfRuleOffset(index, offset);
  }

  /** The path as it was written, see `asWritten`. */
  writtenPath(index: number, path: RulePath): RulePath {
    const { tree, prefix } = this.#treeOf(index);
    return asWritten(path, (steps) => tree.depthOf([...prefix, ...steps]) === prefix.length + steps.length);
  }

  writtenPathInHead(path: RulePath): RulePath {
    return asWritten(path, (steps) => this.#head.depthOf(steps) === steps.length);
  }

  /** The parsed YAML that holds the rule, and the path to it in there. */
  #treeOf(index: number, reading?: Reading): { readonly tree: YamlTree; readonly prefix: RulePath } {
    const layout = this.#layout;
    if (layout === null) return { tree: this.#head, prefix: ["rules", index] };
    const tree = reading?.tree ?? readYaml(this.#piece(layout, index));
    return { tree, prefix: layout.format === "yaml" ? [0] : [] };
  }

  lineOfRuleOffset(index: number, offset: number): number {
    const layout = this.#layout;
    if (layout === null) return this.lineOfHeadOffset(offset);
    return (this.#lines[index] ?? 1) + newlinesIn(this.#piece(layout, index), 0, offset);
  }

  get #head(): YamlTree {
    this.#headTree ??= readYaml((this.#layout?.head ?? this.#text).slice(0, maxWholeChars));
    return this.#headTree;
  }

  #piece(layout: Layout, index: number): string {
    return this.#text.slice(layout.starts[index], layout.ends[index]);
  }

  #wholeRules(): readonly unknown[] {
    const rules = rulesIn(this.#head.value);
    return Array.isArray(rules) ? rules : [];
  }
}

function rulesIn(value: unknown): unknown {
  return typeof value === "object" && value !== null && "rules" in value ? value.rules : undefined;
}

/** A list of body operators stands for `and`, and one text for a list of it: these are no steps of their own. */
function asWritten(path: RulePath, exists: (steps: RulePath) => boolean): RulePath {
  const written: (string | number)[] = [];
  for (const step of path) {
    const isList = step === "and" && exists([...written, 0]) && !exists([...written, "and"]);
    const isOne = step === 0 && exists(written) && !exists([...written, 0]);
    if (!isList && !isOne) written.push(step);
  }
  return written;
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value;
}

function linesOf(text: string, starts: readonly number[]): readonly number[] {
  let line = 1;
  let from = 0;
  return starts.map((start) => {
    line += newlinesIn(text, from, start);
    from = start;
    return line;
  });
}

/** Looks no further than `to`: a file in one line must not be searched to its end for each of its rules. */
function newlinesIn(text: string, from: number, to: number): number {
  const part = text.slice(from, to);
  let count = 0;
  for (let at = part.indexOf("\n"); at !== -1; at = part.indexOf("\n", at + 1)) count++;
  return count;
}
