// Automatic persisted queries: a client sends a hash, and the document only where the hash is not known yet.
// https://www.apollographql.com/docs/apollo-server/performance/apq

import { createHash } from "node:crypto";
import { BoundedMap } from "../bounded-map.ts";
import type { GraphqlParams } from "./params.ts";

const maxDocuments = 1_000;
/** Of all that are kept. */
const maxAllChars = 4_194_304;
const maxDocumentChars = 65_536;

/** What a server says of a hash that it does not know; the client then sends the document too. */
export const notFound = {
  errors: [{ message: "PersistedQueryNotFound", extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } }],
};

/** What a server says of a hash that is not the document's. */
export const wrongHash = {
  errors: [{ message: "provided sha does not match query", extensions: { code: "BAD_REQUEST" } }],
};

export class PersistedQueries {
  readonly #documents = new BoundedMap<string, string>(maxDocuments, maxAllChars);

  /** The document of a request: its own, or the one that its hash stands for; null where the hash is not known. */
  documentOf({ query, hash }: GraphqlParams): string | null {
    if (query === null) return hash === null ? null : (this.#documents.get(hash) ?? null);
    if (hash !== null) this.#learn(hash, query);
    return query;
  }

  /** Only what really has the hash, so that nobody can put a document under another's. */
  #learn(hash: string, query: string): void {
    if (query.length > maxDocumentChars || this.#documents.get(hash) !== undefined) return;
    if (isHashOf(hash, query)) this.#documents.set(hash, query, query.length);
  }
}

/** Whether a request that brings both brings them right. */
export function hashIsRight({ query, hash }: GraphqlParams): boolean {
  return query === null || hash === null || isHashOf(hash, query);
}

function isHashOf(hash: string, query: string): boolean {
  return createHash("sha256").update(query).digest("hex") === hash;
}
