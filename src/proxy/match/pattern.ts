// Regular expressions of rules, on RE2's linear-time engine: time grows with pattern × text, never exponentially.

import { createRequire } from "node:module";
import { messageOf } from "../../core/errors.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";

/** The engine is loaded with the first pattern: most rule sets have none. */
const load = createRequire(import.meta.url);

/** Longest pattern, in UTF-16 units. */
const maxPatternLength = 4_096;
/** Most instructions of a compiled pattern: matching costs up to this many steps per character. */
const maxProgramSize = 4_000;

/** Characters that mean themselves in a pattern, but for what follows them. */
const plain = /[A-Za-z0-9/_ ~@#%&=:;,'"<>!`-]/;

/**
 * Text with which every full match of the pattern begins; "" where nothing can be said. It finds a pattern's few calls
 * by a look-up, and turns the others away without running it.
 */
export function literalPrefix(source: string): string {
  if (source.includes("|")) return "";
  let prefix = "";
  let i = source.startsWith("^") ? 1 : 0;
  for (;;) {
    const escaped = source[i] === "\\";
    const char = source[escaped ? i + 1 : i] ?? "";
    if (!(escaped ? /^[^A-Za-z0-9]$/ : plain).test(char)) return prefix;
    i += escaped ? 2 : 1;
    if (/[*?{+]/.test(source[i] ?? "")) return prefix; // the character may be missing, or come again
    prefix += char;
  }
}

export interface Pattern {
  /** The whole text matches, as in Istio and WireMock. */
  full(text: string): boolean;
  /** Some part of the text matches, as CEL and JSON Schema have it. */
  search(text: string): boolean;
}

/** Compiles each pattern of one rule set once. */
export class Patterns {
  readonly #known = new Map<string, Pattern>();

  /**
   * `lowerCase`: the texts are given in lower case, and the pattern is matched without case.
   * Throws RuleProblem at `path` for what RE2 does not know: back-references, look-around, endless programs.
   */
  compile(source: string, path: RulePath, options: { lowerCase?: boolean } = {}): Pattern {
    const key = `${options.lowerCase ? "i" : "-"}${source}`;
    const known = this.#known.get(key);
    if (known) return known;
    const pattern = compilePattern(source, path, options.lowerCase ?? false);
    this.#known.set(key, pattern);
    return pattern;
  }
}

function compilePattern(source: string, path: RulePath, lowerCase: boolean): Pattern {
  const expected = "expected a regular expression that RE2 understands";
  if (source.length > maxPatternLength) {
    throw new RuleProblem(path, `${expected}, at most ${maxPatternLength} characters, got ${source.length}`);
  }
  try {
    const { RE2JS } = load("re2js") as typeof import("re2js");
    const compiled = RE2JS.compile(source, lowerCase ? RE2JS.CASE_INSENSITIVE : 0);
    const size = compiled.programSize();
    if (size > maxProgramSize) {
      throw new Error(`its repetitions unfold to ${size} steps, at most ${maxProgramSize} are allowed`);
    }
    const written = literalPrefix(source);
    const prefix = lowerCase ? written.toLowerCase() : written;
    return {
      full: (text) => text.startsWith(prefix) && compiled.testExact(text),
      search: (text) => compiled.test(text),
    };
  } catch (cause) {
    const reason = messageOf(cause).replace(/^error parsing regexp: /, "");
    throw new RuleProblem(path, `${expected}, got ${JSON.stringify(source)}: ${reason}`, { cause });
  }
}
