// What the admin port answers under /playground: GraphiQL, and the operations that it sends to the mock of a rule.

import { type AdminReply, type AdminRequest, json } from "../reply.ts";
import { playgroundFiles, readPlaygroundFile } from "./files.ts";

/** The mocks of rules, asked without a call. */
export interface Playground {
  /** Names of the rules that answer from a schema. */
  rules(): readonly string[];
  /** The answer to one GraphQL request in JSON; null: no such rule. Ends with the signal. */
  ask(
    rule: string,
    request: { readonly accept: string; readonly body: Uint8Array },
    signal: AbortSignal,
  ): Promise<PlaygroundAnswer | null>;
}

export interface PlaygroundAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export const playgroundPath = "/playground";
const maxRequestBytes = 1_048_576;
/** GraphiQL writes styles into the page; everything that it loads comes from here. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
].join("; ");

export function isPlayground(path: string): boolean {
  return path === playgroundPath || path.startsWith(`${playgroundPath}/`);
}

/** The reply to a request under /playground. Rejects where a file cannot be read. */
export async function answerPlayground(
  path: string,
  query: URLSearchParams,
  request: AdminRequest,
  playground: Playground,
): Promise<AdminReply> {
  const name = path.slice(playgroundPath.length + 1) || "page.html";
  if (name === "graphql") return operation(query.get("rule") ?? "", request, playground);
  if (request.method !== "GET" && request.method !== "HEAD")
    return { ...json(405, { error: `expected GET or HEAD, got ${request.method}` }), allow: "GET, HEAD" };
  if (name === "rules") return json(200, { rules: playground.rules() });
  const file = playgroundFiles.find((one) => one.name === name);
  if (file === undefined) return json(404, { error: `nothing at ${path}` });
  return { status: 200, contentType: file.contentType, body: await readPlaygroundFile(file), policy };
}

async function operation(rule: string, request: AdminRequest, playground: Playground): Promise<AdminReply> {
  if (request.method !== "POST")
    return { ...json(405, { error: `expected POST, got ${request.method}` }), allow: "POST" };
  // Pages of others can send no such type without asking first, which is never granted.
  if (!/^application\/json\s*(;|$)/i.test(request.contentType))
    return json(415, {
      error: `expected content-type application/json, got ${request.contentType || "none"}`,
    });
  const body = await request.read(maxRequestBytes);
  if (body === null) return json(413, { error: `expected at most ${maxRequestBytes} bytes` });
  const answer = await playground.ask(rule, { accept: request.accept, body }, request.signal);
  if (answer === null)
    return json(404, { error: `rule: expected one that answers from a schema, got ${JSON.stringify(rule)}` });
  const { status, contentType, chunks } = answer;
  return { status, contentType, body: chunks };
}
