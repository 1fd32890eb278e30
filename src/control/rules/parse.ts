// Rules from text: YAML or JSON, validated and with every shorthand spelled out. All that is wrong is told at once, each with
// its line. Rule by rule, so that whoever parses a large file can let traffic have a turn in between.

import { dirname, resolve } from "node:path";
import type { RuleSpec } from "../../core/rule.ts";
import { formatRulePath, type RulePath } from "../../core/rule-problem.ts";
import type { Problem } from "../../core/rule-source.ts";
import { type Elsewhere, expectationOf, type Finding, findingsIn } from "./findings.ts";
import { withAbsoluteSchemas } from "./schema/graphql-files.ts";
import { KeyPlaces } from "./schema/key-places.ts";
import { withAbsoluteFiles } from "./schema/respond.ts";
import { fileHead, type PlacelessRule, rule, ruleFile } from "./schema/rule.ts";
import { sharedName } from "./shared-name.ts";
import { maxWholeChars, type Reading, WrittenFile } from "./written-file.ts";

/** UTF-16 units in one file. */
export const maxFileChars = 64 * 1024 * 1024;
/** Problems told of one file; the rest is counted. */
const maxProblems = 1_000;

export interface ParsedRules {
  /** Empty where there is any problem. */
  readonly rules: readonly RuleSpec[];
  readonly problems: readonly Problem[];
  /** Where a path of one of these rules was written: the line of the deepest part of it that exists. */
  locate(rule: RuleSpec, path: RulePath): Pick<Problem, "place" | "path">;
}

/**
 * `file` is how the file is called in problems and origins. A relative `respond.file` starts at `folder`, which is the folder
 * of `file` unless it is given. Never throws.
 */
export function parseRules(text: string, file: string, folder = dirname(resolve(file))): ParsedRules {
  const steps = parseSteps(text, file, folder);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same in steps of one rule (a fraction of a millisecond) each. */
export function* parseSteps(text: string, file: string, folder: string): Generator<void, ParsedRules> {
  const plain = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  if (plain.length > maxFileChars)
    return refused(file, `expected at most ${maxFileChars} characters, got ${plain.length}`);
  const pieces = new FileParser(new WrittenFile(plain, false), file, folder);
  const parsed = yield* pieces.run();
  if (!pieces.needsWhole || plain.length > maxWholeChars) return parsed;
  return yield* new FileParser(new WrittenFile(plain, true), file, folder).run();
}

function refused(file: string, message: string): ParsedRules {
  return {
    rules: [],
    problems: [{ place: file, path: "", message }],
    locate: () => ({ place: file, path: "" }),
  };
}

const parameters = { reportInput: true, error: expectationOf } as const;

class FileParser {
  /** What is written in one piece is not seen in another: the anchor of an alias, or where the list ends. */
  needsWhole = false;
  readonly #written: WrittenFile;
  readonly #file: string;
  readonly #folder: string;
  readonly #rules: RuleSpec[] = [];
  readonly #problems: (Problem & { readonly line: number })[] = [];
  readonly #places = new Map<string, string>();
  #untold = 0;
  readonly #complained = new Set<string>();
  /** The text around the rules is no YAML: where one begins and ends is a guess. */
  #malformed = false;
  #keys: KeyPlaces | null = null;
  /** Of the file: for all its rules. */
  #descriptors: readonly string[] = [];

  constructor(written: WrittenFile, file: string, folder: string) {
    this.#written = written;
    this.#file = file;
    this.#folder = folder;
  }

  *run(): Generator<void, ParsedRules> {
    const written = this.#written;
    if (written.tooLarge) return refused(this.#file, tooLarge);
    this.#readHead();
    this.needsWhole = written.inPieces && (written.torn || this.#malformed);
    const restart = () => this.needsWhole && written.inPieces;
    for (let index = 0; index < written.ruleCount && !restart(); index++) {
      this.#readRule(index);
      yield;
    }
    const rules = this.#problems.length === 0 ? this.#rules : [];
    return { rules, problems: this.#told(), locate: (spec, path) => this.#locate(rules.indexOf(spec), path) };
  }

  /** In the order of the lines. */
  #told(): readonly Problem[] {
    const told = this.#problems
      .sort((a, b) => a.line - b.line)
      .map(({ place, path, message }) => ({ place, path, message }));
    const rest = { place: this.#file, path: "", message: `and ${this.#untold} more problems` };
    return this.#untold > 0 ? [...told, rest] : told;
  }

  #readHead(): void {
    const written = this.#written;
    const { value, tree } = written.head;
    for (const { offset, path, message } of tree?.complaints ?? [])
      this.#complain(written.lineOfHeadOffset(offset), path, message);
    this.#malformed = tree?.malformed ?? false;
    if (this.#malformed) return;
    const checked = fileHead.safeParse(value, parameters);
    if (checked.success) this.#descriptors = checked.data.descriptors ?? [];
    else
      for (const { path, at, message } of findingsIn(checked.error.issues, new KeyPlaces(ruleFile)))
        this.#tell(written.lineInHead(path, at), path, message);
  }

  #readRule(index: number): void {
    const reading = this.#written.readRule(index);
    const told = this.#problems.length;
    this.#tellTree(index, reading);
    if (this.#malformed || reading.tree?.malformed) return;
    const checked = rule.safeParse(reading.value, parameters);
    if (!checked.success)
      this.#tellFindings(index, reading, findingsIn(checked.error.issues, this.#elsewhere()));
    else if (this.#problems.length === told) this.#accept(index, reading, checked.data);
  }

  /** Made with the first mistake. */
  #elsewhere(): Elsewhere {
    this.#keys ??= new KeyPlaces(rule);
    return this.#keys;
  }

  #tellTree(index: number, reading: Reading): void {
    const { tree } = reading;
    if (tree === null) return;
    this.needsWhole ||= tree.anchorMissing;
    // In YAML a piece is a list of one item.
    const own = (path: RulePath) => ["rules", index, ...(path[0] === 0 ? path.slice(1) : path)];
    for (const { offset, path, message } of tree.complaints)
      this.#complain(this.#written.lineOfRuleOffset(index, offset), own(path), message);
    for (const { path, offset, source } of tree.respelled) {
      if (!bareText.test(formatRulePath(own(path).slice(2)))) continue;
      const message = `expected text, got a number that can be spelled in several ways; write "${source}" in quotes`;
      this.#tell(this.#written.lineOfRuleOffset(index, offset), own(path), message);
    }
  }

  #tellFindings(index: number, reading: Reading, findings: readonly Finding[]): void {
    const source = reading.tree === null ? undefined : reading;
    for (const { path, at, message } of findings) {
      const own = ["rules", index, ...path];
      if (this.#complained.has(formatRulePath(own))) continue;
      this.#tell(this.#written.lineInRule(index, path, at, source), own, message);
    }
  }

  #accept(index: number, reading: Reading, spec: PlacelessRule): void {
    const origin = `${this.#file}:${this.#written.startLine(index)}`;
    const twin = this.#places.get(spec.name);
    if (twin !== undefined) {
      const message = sharedName(spec.name, twin);
      this.#tellFindings(index, reading, [{ path: ["name"], at: "value", message }]);
      return;
    }
    this.#places.set(spec.name, origin);
    const respond = spec.respond === null ? null : withAbsoluteFiles(spec.respond, this.#folder);
    const found = [...(spec.descriptors ?? []), ...this.#descriptors];
    const descriptors = found.map((path) => resolve(this.#folder, path));
    const placed = { ...spec, respond, ...(descriptors.length > 0 ? { descriptors } : {}), origin };
    this.#rules.push(withAbsoluteSchemas(placed, this.#folder));
  }

  /** Of a mistake of YAML: what else would be said of the same place came of it. */
  #complain(line: number, path: RulePath, message: string): void {
    if (this.#complained.size < maxProblems) this.#complained.add(formatRulePath(path));
    this.#tell(line, path, message);
  }

  #tell(line: number, path: RulePath, message: string): void {
    if (this.#problems.length >= maxProblems) this.#untold++;
    else this.#problems.push({ line, place: `${this.#file}:${line}`, path: formatRulePath(path), message });
  }

  #locate(index: number, path: RulePath): Pick<Problem, "place" | "path"> {
    if (index === -1) return { place: this.#file, path: formatRulePath(path) };
    const own = this.#rules[index]?.descriptors?.length ?? 0;
    const inHead = path[0] === "descriptors" ? Number(path[1]) - (own - this.#descriptors.length) : -1;
    if (inHead >= 0) return this.#locateInHead(["descriptors", inHead]);
    const written = this.#written.writtenPath(index, path);
    const line = this.#written.lineInRule(index, written, "value");
    return { place: `${this.#file}:${line}`, path: formatRulePath(["rules", index, ...written]) };
  }

  #locateInHead(path: RulePath): Pick<Problem, "place" | "path"> {
    const written = this.#written.writtenPathInHead(path);
    const line = this.#written.lineInHead(written, "value");
    return { place: `${this.#file}:${line}`, path: formatRulePath(written) };
  }
}

const tooLarge = `expected a list "rules:" in block style, or JSON: other layouts can have at most ${maxWholeChars} characters`;

/** Places where the schema takes a bare integer as text. */
const bareText = new RegExp(
  [
    "^matches\\[\\d+\\]\\.(?:headers|query|cookies)\\.",
    "^scope\\.(?:headers|baggage)\\.",
    "^respond(?:\\.(?:cycle|random)\\[\\d+\\])?\\.(?:headers|trailers)\\.",
    "^patch\\.(?:request|response)\\.setHeaders\\.",
  ].join("|"),
);
