// A GraphQL document as a person types it, by itself.

import { graphqlLibrary } from "./library.ts";

/** What a client would post: `{"query": …}`; null: the text is no document. */
export function postOfDocument(text: string): string | null {
  if (!/^\s*(?:#|\{|query\b|mutation\b|subscription\b|fragment\b)/.test(text)) return null;
  try {
    graphqlLibrary().parse(text, { noLocation: true });
    return JSON.stringify({ query: text });
  } catch {
    return null;
  }
}
