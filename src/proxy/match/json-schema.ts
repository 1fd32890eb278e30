// JSON Schema conditions: drafts 2020-12 and 07, patterns on the linear-time engine, nothing fetched.

import { createRequire } from "node:module";
import type { Ajv, Options } from "ajv";
import type { Ajv2020 } from "ajv/dist/2020.js";
import { messageOf } from "../../core/errors.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { Patterns } from "./pattern.ts";

/** The validator is loaded with the first schema: it takes 10 MB, and most rule sets have none. */
const load = createRequire(import.meta.url);
const draft2020 = "https://json-schema.org/draft/2020-12/schema";
const draft07 = "http://json-schema.org/draft-07/schema";

/** Compiles the schemas of one rule set. A schema without `$schema` is read as draft 2020-12. */
export class Schemas {
  readonly #patterns = new Patterns();
  #ajv2020: Ajv2020 | null = null;
  #ajv07: Ajv | null = null;

  /** Throws RuleProblem at `path` for what is no schema, and for a `$ref` that leads outside it. */
  compile(schema: unknown, path: RulePath): (json: unknown) => boolean {
    if (typeof schema === "boolean") return () => schema;
    if (typeof schema !== "object" || schema === null || Array.isArray(schema)) {
      throw new RuleProblem(path, `expected a JSON Schema, got ${JSON.stringify(schema)}`);
    }
    try {
      const validate = this.#engine(schema, path).compile<unknown>(schema);
      return (json) => validate(json);
    } catch (cause) {
      if (cause instanceof RuleProblem) throw cause;
      throw new RuleProblem(path, `expected a JSON Schema: ${messageOf(cause)}`, { cause });
    }
  }

  #engine(schema: object, path: RulePath): Ajv | Ajv2020 {
    const named: unknown = "$schema" in schema ? schema.$schema : draft2020;
    switch (String(named).replace(/#$/, "")) {
      case draft2020:
        this.#ajv2020 ??= this.#newAjv2020();
        return this.#ajv2020;
      case draft07:
        this.#ajv07 ??= this.#newAjv07();
        return this.#ajv07;
      default:
        throw new RuleProblem(
          [...path, "$schema"],
          `expected ${draft2020} or ${draft07}#, got ${JSON.stringify(named)}`,
        );
    }
  }

  #newAjv2020(): Ajv2020 {
    const module = load("ajv/dist/2020.js") as typeof import("ajv/dist/2020.js");
    return new module.Ajv2020(this.#options());
  }

  #newAjv07(): Ajv {
    const module = load("ajv") as typeof import("ajv");
    return new module.Ajv(this.#options());
  }

  #options(): Options {
    return {
      // Keywords that the draft does not know are annotations (2020-12 core §4.3.1), formats too (§7.2.1 of validation).
      strict: false,
      validateFormats: false,
      logger: false,
      // Two rules may carry schemas with the same $id.
      addUsedSchema: false,
      code: { regExp: this.#regExp() },
    };
  }

  /** The engine that ajv calls for `pattern`, which is a search. Its `code` is for standalone output, which is not used. */
  #regExp(): NonNullable<NonNullable<Options["code"]>["regExp"]> {
    const compile = (source: string) => {
      const pattern = this.#patterns.compile(source, []);
      // ajv tells engines apart by this text: without it, all patterns would be the first one.
      return { test: (text: string) => pattern.search(text), toString: () => source };
    };
    return Object.assign(compile, { code: "linearRegExp" });
  }
}
