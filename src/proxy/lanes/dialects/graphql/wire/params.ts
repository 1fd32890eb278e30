// The parameters of one GraphQL request, however they came: GraphQL over HTTP §5.2, and the persisted queries of Apollo.

/** What a client sends for one operation. */
export interface GraphqlParams {
  /** The document; null where only a hash was sent. */
  readonly query: string | null;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>> | null;
  readonly extensions: Readonly<Record<string, unknown>> | null;
  /** SHA-256 in lower-case hex of an automatic persisted query; null where none was sent. */
  readonly hash: string | null;
}

/** Reads one item of a JSON body. A text: what is wrong with it. */
export function paramsOf(value: unknown): GraphqlParams | string {
  if (!isRecord(value)) return `expected a JSON object with "query", got ${kindOf(value)}`;
  const { query = null, operationName = null, variables = null, extensions = null } = value;
  if (query !== null && typeof query !== "string") return wrong("query", "a string", query);
  if (operationName !== null && typeof operationName !== "string")
    return wrong("operationName", "a string or null", operationName);
  if (variables !== null && !isRecord(variables)) return wrong("variables", "an object or null", variables);
  if (extensions !== null && !isRecord(extensions))
    return wrong("extensions", "an object or null", extensions);
  const hash = hashIn(extensions);
  if (query === null && hash === null) return `"query": expected a string, got nothing`;
  // An empty name is none: clients send it, and servers take it so.
  return { query, operationName: operationName || null, variables, extensions, hash };
}

/** What goes upstream for it: keys without a value are left out. */
export function bodyOfParams(params: GraphqlParams): Record<string, unknown> {
  const { query, operationName, variables, extensions } = params;
  return {
    ...(query === null ? {} : { query }),
    ...(operationName === null ? {} : { operationName }),
    ...(variables === null ? {} : { variables }),
    ...(extensions === null ? {} : { extensions }),
  };
}

/** The extensions without the hash of the whole document, which is wrong for a part of it. */
export function withoutHash(
  extensions: Readonly<Record<string, unknown>> | null,
): Readonly<Record<string, unknown>> | null {
  if (extensions === null || !("persistedQuery" in extensions)) return extensions;
  const { persistedQuery: _, ...rest } = extensions;
  return Object.keys(rest).length === 0 ? null : rest;
}

/** https://www.apollographql.com/docs/apollo-server/performance/apq */
function hashIn(extensions: Readonly<Record<string, unknown>> | null): string | null {
  const persisted = extensions?.persistedQuery;
  if (!isRecord(persisted) || typeof persisted.sha256Hash !== "string") return null;
  const hash = persisted.sha256Hash.toLowerCase();
  return /^[0-9a-f]{64}$/.test(hash) ? hash : null;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(name: string, expected: string, got: unknown): string {
  return `"${name}": expected ${expected}, got ${kindOf(got)}`;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
