// Schemas from files: SDL, or the JSON of an introspection. Read while rules are loaded; the same file once for all rules.

import { readFileSync, statSync } from "node:fs";
import type { GraphQLSchema, IntrospectionQuery } from "graphql";
import { messageOf } from "../../../../core/errors.ts";
import { type RulePath, RuleProblem } from "../../../../core/rule-problem.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { GraphqlLibrary } from "./library.ts";
import { isRecord } from "./wire/params.ts";

const maxFileBytes = 67_108_864;
/** Files whose schemas are kept, to be used again by the next rule and the next revision of the rules. */
const maxFiles = 64;

interface Known {
  /** Changes with the file. */
  readonly signature: string;
  readonly schema: GraphQLSchema;
}

export class SchemaFiles {
  readonly #lib: GraphqlLibrary;
  readonly #known = new BoundedMap<string, Known>(maxFiles);

  constructor(lib: GraphqlLibrary) {
    this.#lib = lib;
  }

  /** Throws RuleProblem at `path` for a file that cannot be read, or is no valid schema. */
  load(file: string, path: RulePath): GraphQLSchema {
    try {
      const found = statSync(file);
      if (!found.isFile()) throw new Error("which is no file");
      if (found.size > maxFileBytes) throw new Error(`with ${found.size} bytes, more than ${maxFileBytes}`);
      const signature = `${found.ino} ${found.size} ${found.mtimeMs}`;
      const known = this.#known.get(file);
      if (known?.signature === signature) return known.schema;
      const schema = this.#read(readFileSync(file, "utf8"));
      this.#known.set(file, { signature, schema });
      return schema;
    } catch (thrown) {
      throw new RuleProblem(path, `expected a GraphQL schema, got ${file}: ${placed(thrown, this.#lib)}`, {
        cause: thrown,
      });
    }
  }

  #read(text: string): GraphQLSchema {
    const isJson = /^\s*\{\s*"/.test(text);
    const build = (lenient: boolean) =>
      isJson ? this.#ofIntrospection(text, lenient) : this.#ofSdl(text, lenient);
    const schema = build(false);
    const problems = this.#lib.validateSchema(schema);
    const serious = problems.find(({ message }) => !isHarmless(message));
    if (serious !== undefined) throw serious;
    return problems.length === 0 ? schema : build(true);
  }

  #ofSdl(text: string, lenient: boolean): GraphQLSchema {
    try {
      return this.#lib.buildSchema(text, { assumeValid: lenient });
    } catch (thrown) {
      if (!messageOf(thrown).split("\n\n").every(isHarmless)) throw thrown;
      return this.#lib.buildSchema(text, { assumeValid: lenient, assumeValidSDL: true });
    }
  }

  #ofIntrospection(text: string, lenient: boolean): GraphQLSchema {
    const value: unknown = JSON.parse(text);
    const data = isRecord(value) && isRecord(value.data) ? value.data : value;
    // buildClientSchema checks what the cast claims.
    return this.#lib.buildClientSchema(data as IntrospectionQuery, { assumeValid: lenient });
  }
}

/**
 * What published schemas of large services have all the same: a field that is repeated (the last one counts), and a field
 * that is deprecated where its interface's is not. Both can be served as they are meant.
 */
function isHarmless(problem: string): boolean {
  return problem.endsWith("can only be defined once.") || problem.endsWith("must not be deprecated.");
}

/** The message with the line of the schema where it has one. */
function placed(thrown: unknown, lib: GraphqlLibrary): string {
  const message = messageOf(thrown).split("\n\n")[0] ?? "";
  const line = thrown instanceof lib.GraphQLError ? thrown.locations?.[0]?.line : undefined;
  return line === undefined ? message : `line ${line}: ${message}`;
}
