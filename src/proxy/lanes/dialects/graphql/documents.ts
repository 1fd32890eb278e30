// Documents, parsed once: clients send the same few texts again and again. Bounded by number and by length.

import type { DocumentNode, FragmentDefinitionNode, GraphQLError, GraphQLSchema } from "graphql";
import { BoundedMap } from "./bounded-map.ts";
import type { GraphqlLibrary } from "./library.ts";
import { Operation } from "./operation.ts";

const maxDocuments = 1_000;
/** Of all that are kept: a parsed document takes some twenty times its text. */
const maxAllChars = 1_048_576;
/** Longer ones are parsed anew each time. */
const maxKeptChars = 65_536;
/** More is refused while it is read, whatever the rules say: parsing must not take longer than a call may. */
const maxTokens = 50_000;
/** Errors told of one document. */
const maxErrors = 20;

/** A document, or why it is none. `tooMuch`: it may be one, but is more than can be read. */
export type Parsed = ParsedDocument | InvalidDocument;

export interface InvalidDocument {
  readonly kind: "invalid";
  readonly error: GraphQLError;
  readonly tooMuch: boolean;
}

export class ParsedDocument {
  readonly kind = "document";
  readonly document: DocumentNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #lib: GraphqlLibrary;
  readonly #operations = new Map<string | null, Operation>();
  readonly #validated = new WeakMap<GraphQLSchema, readonly GraphQLError[]>();

  constructor(document: DocumentNode, lib: GraphqlLibrary) {
    this.document = document;
    this.#lib = lib;
    const fragments = new Map<string, FragmentDefinitionNode>();
    for (const definition of document.definitions) {
      if (definition.kind === lib.Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
      else if (definition.kind === lib.Kind.OPERATION_DEFINITION)
        this.#operations.set(definition.name?.value ?? null, new Operation(definition, fragments));
    }
    this.fragments = fragments;
  }

  get tokens(): number {
    return this.document.tokenCount ?? 0;
  }

  /** The one of that name, or the only one (GraphQL §6.1); undefined where there is none, or none can be told. */
  operation(name: string | null): Operation | undefined {
    if (name !== null) return this.#operations.get(name);
    if (this.#operations.size !== 1) return undefined;
    for (const only of this.#operations.values()) return only;
    return undefined;
  }

  /** What the schema says against it; empty: it is valid. Worked out once for each schema. */
  errorsUnder(schema: GraphQLSchema): readonly GraphQLError[] {
    let errors = this.#validated.get(schema);
    if (errors === undefined) {
      errors = this.#validate(schema);
      this.#validated.set(schema, errors);
    }
    return errors;
  }

  #validate(schema: GraphQLSchema): readonly GraphQLError[] {
    try {
      return this.#lib.validate(schema, this.document, this.#lib.specifiedRules, { maxErrors });
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown;
      return [tooDeep(this.#lib)];
    }
  }
}

/** Braces nested deeper than the stack. */
function tooDeep(lib: GraphqlLibrary): GraphQLError {
  return new lib.GraphQLError("The document is nested too deeply.");
}

export class Documents {
  readonly lib: GraphqlLibrary;
  readonly #parsed = new BoundedMap<string, Parsed>(maxDocuments, maxAllChars);

  constructor(lib: GraphqlLibrary) {
    this.lib = lib;
  }

  parse(text: string): Parsed {
    const known = this.#parsed.get(text);
    if (known !== undefined) return known;
    const parsed = this.#read(text);
    if (text.length <= maxKeptChars) this.#parsed.set(text, parsed, text.length);
    return parsed;
  }

  #read(text: string): Parsed {
    try {
      return new ParsedDocument(this.lib.parse(text, { maxTokens, noLocation: false }), this.lib);
    } catch (thrown) {
      // Anything else is the stack, at its end.
      if (!(thrown instanceof this.lib.GraphQLError))
        return { kind: "invalid", error: tooDeep(this.lib), tooMuch: true };
      return { kind: "invalid", error: thrown, tooMuch: thrown.message.includes(`${maxTokens} tokens`) };
    }
  }
}
