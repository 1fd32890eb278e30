// A sidecar with GraphQL rules between real sockets: rules as a user writes them, files beside them, a server behind.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSchema, type GraphQLSchema } from "graphql";
import { createHandler } from "graphql-http/lib/use/http";
import { parseRules } from "../../../../../src/control/rules/parse.ts";
import type { HostPort } from "../../../../../src/core/address.ts";
import { systemClock } from "../../../../../src/core/clock.ts";
import { seededRandom } from "../../../../../src/core/random.ts";
import { noRules, type RuleSet } from "../../../../../src/core/rule-set.ts";
import type { TapEvent } from "../../../../../src/core/tap.ts";
import { compileRules } from "../../../../../src/proxy/match/compile.ts";
import { createPlanner } from "../../../../../src/proxy/perform/plan.ts";
import { loadDialects } from "../../../../../src/sidecar/dialects.ts";
import { openRig, type Rig, type RigOptions } from "../../../../support/rig.ts";

export const shopSdl = `
  type Query { me: User user(id: ID!): User users(first: Int): [User!]! node(id: ID!): Node search(text: String!): [Hit] count: Int! }
  type Mutation { rename(name: String!): User }
  type Subscription { prices(sku: ID!): Price ticks: Int }
  interface Node { id: ID! }
  union Hit = User | Item
  enum Plan { FREE PAID ENTERPRISE }
  scalar DateTime
  type User implements Node { id: ID! name: String email: String plan: Plan! friends: [User!] joined: DateTime }
  type Item implements Node { id: ID! title: String! price: Price }
  type Price { amount: Int! currency: String! }
`;

export interface Stage extends AsyncDisposable {
  /** From now on there are no rules. */
  withdraw(): void;
  readonly rig: Rig;
  readonly url: string;
  readonly events: readonly TapEvent[];
  ask(query: string, variables?: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer>;
  post(body: unknown, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the tests look into is JSON of any shape
  readonly json: any;
}

/** `rules`: the list under `rules:`. Throws where they are refused, with every problem in a line. */
export async function openStage(
  rules: string,
  options: Pick<RigOptions, "upstream" | "tls"> & { readonly files?: Readonly<Record<string, string>> } = {},
): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "understudy-graphql-"));
  for (const [name, text] of Object.entries({ "shop.graphql": shopSdl, ...options.files }))
    await writeFile(join(folder, name), text);
  const events: TapEvent[] = [];
  const deps = {
    clock: systemClock,
    random: seededRandom(1),
    tap: { observe: (event: TapEvent) => events.push(event) },
  };
  const trust = { extraRoots: [], clientCertificates: [], unverified: [], ...options.tls };
  const dialects = loadDialects({ ...deps, trust });
  const parsed = parseRules(`version: 1\nrules:\n${rules}`, join(folder, "rules.yaml"));
  const refuse = async (problems: Parameters<typeof problemText>[0]): Promise<never> => {
    await rm(folder, { recursive: true });
    throw new Error(problemText(problems));
  };
  if (parsed.problems.length > 0) return refuse(parsed.problems);
  const planner = createPlanner({ ...deps, maxBodyBytes: 1_048_576, hangMs: 1_000, dialects });
  const compiled = compileRules(parsed.rules, planner, "stage", dialects);
  if ("problems" in compiled)
    return refuse(
      compiled.problems.map(({ rule, problem }) => ({
        ...parsed.locate(rule, problem.path),
        message: problem.message.replaceAll(`${folder}/`, ""),
      })),
    );
  let inForce: RuleSet = compiled;
  const rig = await openRig({
    ...(options.upstream ? { upstream: options.upstream } : {}),
    ...(options.tls ? { tls: options.tls } : {}),
    ruleSet: () => inForce,
    // Sixty clients at once on a busy machine: a connection must not go opaque before its first byte comes.
    deadlines: { detectMs: 20_000, ruleBodyMs: 20_000 },
  });
  const url = `http://127.0.0.1:${rig.address.port}/graphql`;
  const post: Stage["post"] = async (body, headers = {}) => {
    const reply = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    return answerOf(reply);
  };
  return {
    ...{ rig, url, events, post },
    withdraw() {
      inForce = noRules;
    },
    ask: (query, variables, headers) => post({ query, ...(variables ? { variables } : {}) }, headers),
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

export async function answerOf(reply: Response): Promise<Answer> {
  const text = await reply.text();
  const json: unknown = text === "" ? null : JSON.parse(text);
  return { status: reply.status, type: reply.headers.get("content-type") ?? "", json };
}

function problemText(problems: readonly { readonly path: string; readonly message: string }[]): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join("\n");
}

export interface Upstream extends AsyncDisposable {
  readonly address: HostPort;
  /** Parameters of every operation that came, but for introspections. */
  readonly asked: { readonly query: string; readonly variables?: Record<string, unknown> }[];
  introspections: number;
}

/** A real GraphQL server. `root`: its root value. */
export async function openGraphqlServer(
  root: unknown,
  schema: GraphQLSchema = buildSchema(shopSdl),
): Promise<Upstream> {
  const asked: Upstream["asked"] = [];
  const handler = createHandler({
    schema,
    rootValue: root,
    context: ({ raw }) => ({ headers: raw.headers }),
    onSubscribe(_request, params) {
      if (params.operationName === "IntrospectionQuery") upstream.introspections++;
      else asked.push({ query: params.query, ...(params.variables ? { variables: params.variables } : {}) });
    },
  });
  const server = createServer((request: IncomingMessage, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const upstream: Upstream = {
    address: { host: "127.0.0.1", port },
    asked,
    introspections: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return upstream;
}
