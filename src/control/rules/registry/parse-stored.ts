// Rules of a store from text to what the program works with. Each value is one rule in YAML or JSON; what is wrong in it is
// told with the key, the line in the value and the path in the rule. A value that has not changed is not parsed again.

import type { Clock } from "../../../core/clock.ts";
import type { RuleSpec } from "../../../core/rule.ts";
import type { RulePath } from "../../../core/rule-problem.ts";
import type { Problem } from "../../../core/rule-source.ts";
import { runInTurns } from "../../../core/turns.ts";
import { readJson } from "../json-piece.ts";
import { type ParsedRules, parseSteps } from "../parse.ts";
import { isMapping } from "../schema/mapping.ts";
import { sharedName } from "../shared-name.ts";
import { readYaml } from "../yaml-tree.ts";
import type { StoredRule } from "./stored-rules.ts";

export interface ReadStored {
  /** Empty where there is any problem. */
  readonly rules: readonly RuleSpec[];
  readonly problems: readonly Problem[];
  locate(rule: RuleSpec, path: RulePath): Pick<Problem, "place" | "path">;
}

interface Parsed {
  readonly rule: RuleSpec | null;
  readonly problems: readonly Problem[];
  locate(path: RulePath): Pick<Problem, "place" | "path">;
}

/** Keeps what it parsed last; as many entries as there were rules. */
export class StoredParser {
  readonly #clock: Clock;
  #known = new Map<string, Parsed>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with the signal's reason when it aborts. */
  async parse(stored: readonly StoredRule[], signal: AbortSignal): Promise<ReadStored> {
    const known = new Map<string, Parsed>();
    const parts: Parsed[] = [];
    for (const one of stored) {
      const id = `${one.place}\0${one.name}\0${one.text}`;
      const parsed = this.#known.get(id) ?? (await runInTurns(parseOne(one), this.#clock, signal));
      known.set(id, parsed);
      parts.push(parsed);
    }
    this.#known = known;
    const problems = [...parts.flatMap((part) => part.problems), ...twins(parts)];
    const rules = parts.flatMap(({ rule }) => (rule === null ? [] : [rule]));
    return {
      rules: problems.length === 0 ? rules : [],
      problems,
      locate: (rule, path) =>
        parts.find((part) => part.rule === rule)?.locate(path) ?? { place: rule.origin, path: "" },
    };
  }
}

function twins(parts: readonly Parsed[]): readonly Problem[] {
  const origins = new Map<string, string>();
  return parts.flatMap(({ rule, locate }) => {
    if (rule === null) return [];
    const first = origins.get(rule.name);
    if (first === undefined) origins.set(rule.name, rule.origin);
    return first === undefined ? [] : [{ ...locate(["name"]), message: sharedName(rule.name, first) }];
  });
}

function* parseOne({ place, name, text }: StoredRule): Generator<void, Parsed> {
  const { file, lines } = asFile(text, name);
  // A relative `respond.file` has no folder to start from here; `rules apply` refuses it.
  const parsed = yield* parseSteps(file, place, "/");
  const own = (problem: Problem) => unwrapped(problem, lines);
  const [rule = null] = parsed.rules;
  const told = parsed.problems.map(own);
  const problems = rule === null || rule.name === name ? told : [wrongName(parsed, rule, name)].map(own);
  return {
    rule: rule === null ? null : { ...rule, origin: place },
    problems,
    locate: (path) =>
      rule === null ? { place, path: "" } : own({ ...parsed.locate(rule, path), message: "" }),
  };
}

function wrongName(parsed: ParsedRules, rule: RuleSpec, name: string): Problem {
  const message = `expected "${name}", as the key says, or no name at all, got "${rule.name}"`;
  return { ...parsed.locate(rule, ["name"]), message };
}

/** The text as a whole file of rules, and how many lines were put before it. A rule without a name gets that of its key. */
function asFile(text: string, name: string): { readonly file: string; readonly lines: number } {
  const plain = text.replace(/^\ufeff/, "");
  if (/^\s*\{/.test(plain)) {
    const named = namedJson(plain, name);
    return { file: `{"version":1,"rules":[\n${named}\n]}`, lines: 1 };
  }
  const body = plain.replace(/^---[ \t]*(?=\r?\n|$)/, "");
  const given = /^(?:name|"name"|'name')[ \t]*:/m.test(body) ? [] : [`    name: "${name}"`];
  const head = ["version: 1", "rules:", "  -", ...given];
  return { file: `${head.join("\n")}\n${body.replace(/^(?=.)/gm, "    ")}\n`, lines: head.length };
}

/** JSON, or YAML written alike. */
function namedJson(text: string, name: string): string {
  const value = readJson(text)?.value ?? readYaml(text).value;
  // What is no mapping is a mistake, which the parser will tell.
  if (!isMapping(value) || "name" in value) return text;
  const comma = Object.keys(value).length === 0 ? "" : ",";
  return text.replace("{", () => `{"name":${JSON.stringify(name)}${comma}`);
}

/** As seen from the value itself. */
function unwrapped(problem: Problem, lines: number): Problem {
  const [, key = problem.place, line] = /^(.*):(\d+)$/s.exec(problem.place) ?? [];
  const own = line === undefined ? "" : `:${Math.max(1, Number(line) - lines)}`;
  return {
    place: `${key}${own}`,
    path: problem.path.replace(/^rules\[0\]\.?/, ""),
    message: problem.message,
  };
}
