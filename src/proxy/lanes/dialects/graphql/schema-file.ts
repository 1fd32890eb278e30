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
    const schema = /^\s*\{\s*"/.test(text) ? this.#ofIntrospection(text) : this.#ofSdl(text);
    const [problem] = this.#lib.validateSchema(schema);
    if (problem !== undefined) throw problem;
    return schema;
  }

  #ofSdl(text: string): GraphQLSchema {
    try {
      return this.#lib.buildSchema(text);
    } catch (thrown) {
      const problems = messageOf(thrown).split("\n\n");
      // Dumps of large public schemas repeat a field now and then: the last one counts.
      if (!problems.every((problem) => problem.endsWith("can only be defined once."))) throw thrown;
      return this.#lib.buildSchema(text, { assumeValidSDL: true });
    }
  }

  #ofIntrospection(text: string): GraphQLSchema {
    const value: unknown = JSON.parse(text);
    const data = isRecord(value) && isRecord(value.data) ? value.data : value;
    // buildClientSchema checks what the cast claims.
    return this.#lib.buildClientSchema(data as IntrospectionQuery);
  }
}

/** The message with the line of the schema where it has one. */
function placed(thrown: unknown, lib: GraphqlLibrary): string {
  const message = messageOf(thrown).split("\n\n")[0] ?? "";
  const line = thrown instanceof lib.GraphQLError ? thrown.locations?.[0]?.line : undefined;
  return line === undefined ? message : `line ${line}: ${message}`;
}
