// Which operations a rule claims, and what is wrong with rules that could claim none.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { openGraphqlServer, openStage } from "./stage.ts";

/** Queries by the match that is to claim them. `schema` needs no file of its own. */
const cases: readonly (readonly [match: string, claimed: unknown, passed: unknown])[] = [
  ["{operation: GetUser}", { query: "query GetUser { count }" }, { query: "query GetUsers { count }" }],
  [
    "{operation: GetUser}",
    { query: "query A { count } query GetUser { me { id } }", operationName: "GetUser" },
    { query: "query A { count } query GetUser { me { id } }", operationName: "A" },
  ],
  ["{operation: {prefix: Get}}", { query: "query GetUser { count }" }, { query: "{ count }" }],
  ["{operation: {absent: true}}", { query: "{ count }" }, { query: "query A { count }" }],
  ["{type: mutation}", { query: 'mutation { rename(name: "a") { id } }' }, { query: "{ count }" }],
  [
    "{field: me.friends.name}",
    { query: "{ me { ...F } } fragment F on User { friends { n: name } }" },
    { query: "{ me { name friends { id } } }" },
  ],
  [
    "{field: User.email, schema: shop.graphql}",
    { query: '{ search(text: "a") { ... on User { email } } }' },
    { query: '{ search(text: "a") { ... on User { name } ... on Item { id } } }' },
  ],
  [
    "{field: [Price, count], schema: shop.graphql}",
    { query: "{ count node(id: 1) { ... on Item { price { amount } } } }" },
    { query: "{ count }" },
  ],
  ["{depth: {greaterThan: 2}}", { query: "{ me { friends { id } } }" }, { query: "{ me { id } }" }],
  [
    "{complexity: {greaterThan: 50, lessThan: 1000}}",
    { query: "query ($n: Int = 100) { users(first: $n) { id } }" },
    { query: "query ($n: Int = 100) { users(first: $n) { id } }", variables: { n: 3 } },
  ],
  [
    "{}, variables: {matchesJsonPath: {expression: $.id, equalTo: 7}}",
    { query: "query ($id: Int) { count @skip(if: false) }", variables: { id: 7 } },
    { query: "query ($id: Int) { count }", variables: { id: 8 } },
  ],
  [
    "{operation: GetUser}",
    [{ query: "{ count }" }, { query: "query GetUser { count }" }],
    [{ query: "{ count }" }],
  ],
];

for (const [match, claimed, passed] of cases) {
  test(`graphql match: ${match} claims what it says and nothing else`, async () => {
    await using server = await openGraphqlServer({ count: 1 });
    await using stage = await openStage(
      `  - {name: r, matches: [{graphql: ${match}}], respond: {graphql: {data: {claimed: true}}}}\n`,
      { upstream: server.address },
    );
    const first = (json: unknown) =>
      (Array.isArray(json) ? json.at(-1) : json) as { data?: { claimed?: boolean } };
    const yes = first((await stage.post(claimed)).json);
    const no = first((await stage.post(passed)).json);
    assert.equal(yes.data?.claimed, true, JSON.stringify(yes));
    assert.equal(no.data?.claimed, undefined, JSON.stringify(no));
  });
}

test("graphql match: of a batch the server answers what the rule does not", async () => {
  await using server = await openBatchServer();
  await using stage = await openStage(
    "  - {name: r, matches: [{graphql: {operation: Mine}}], respond: {graphql: {data: {mine: true}}}}\n",
    { upstream: server.address },
  );
  const operations = ["query A { a }", "query Mine { count }", "query B { b }"].map((query) => ({ query }));
  const { json } = await stage.post(operations, { authorization: "Bearer t" });
  assert.deepEqual(json, [
    { data: "query A { a } Bearer t" },
    { data: { mine: true } },
    { data: "query B { b } Bearer t" },
  ]);
});

/** Answers each operation of a batch with its own text and who asked. */
async function openBatchServer() {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const items: { query: string }[] = JSON.parse(Buffer.concat(chunks).toString());
    const { authorization } = request.headers;
    response.end(JSON.stringify(items.map(({ query }) => ({ data: `${query} ${authorization}` }))));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    address: { host: "127.0.0.1", port },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("graphql match: GET, uploads and other calls", async () => {
  await using server = await openGraphqlServer({ count: 1 });
  await using stage = await openStage(
    "  - {name: r, matches: [{graphql: {type: query}}], respond: {graphql: {data: {v: '{{request.json.variables.id}}', whole: '{{json request.json.variables}}'}}, template: true}}\n",
    { upstream: server.address },
  );
  const variables = encodeURIComponent('{"id": 7}');
  const got = await fetch(
    `${stage.url}?query=${encodeURIComponent("query ($id: Int) { count }")}&variables=${variables}`,
  );
  assert.deepEqual(await got.json(), { data: { v: "7", whole: { id: 7 } } });
  const form = new FormData();
  form.set("operations", '{"query":"{ count }"}');
  const upload = await fetch(stage.url, { method: "POST", body: form });
  assert.equal(upload.status, 415, "the real server has answered");
});

const mistakes: readonly (readonly [rule: string, problem: RegExp])[] = [
  [
    "patch: {graphql: {$schema: shop.graphql, user.naem: x}}",
    /patch.graphql.user.naem: expected a field of User, got "naem", did you mean "name"\?/,
  ],
  [
    "patch: {graphql: {$schema: shop.graphql, Usre.name: x}}",
    /expected a type of the schema, got "Usre", did you mean "User"\?/,
  ],
  [
    "patch: {graphql: {$schema: shop.graphql, usr.name: x}}",
    /expected a field of Query, Mutation, Subscription, got "usr", did you mean "user"\?/,
  ],
  [
    "patch: {graphql: {$schema: nothing.graphql, a: x}}",
    /patch.graphql.\$schema: expected a GraphQL schema, got nothing.graphql/,
  ],
  ["patch: {graphql: {'a b': x}}", /expected a field such as user.email or User.email, \$schema or \$limits/],
  ["patch: {graphql: {a: {vlaue: 1}}}", /unknown key "vlaue", did you mean "value"\?/],
  ["respond: {graphql: {schema: bad.graphql}}", /bad.graphql: Unknown type "Missing"/],
  [
    "respond: {graphql: {schema: shop.graphql, overrides: {User.age: 3}}}",
    /expected a field of User, got "age"/,
  ],
  [
    "respond: {graphql: {schema: shop.graphql, overrides: {User.name: {plugin: x}}}}",
    /plugin: not supported yet/,
  ],
  [
    "respond: {graphql: {schema: shop.graphql, overrides: {User.name: {script: 'return ('}}}}",
    /expected the body of a JavaScript function/,
  ],
  [
    "respond: {graphql: {schema: shop.graphql, overrides: {User.name: {expression: 'args.'}}}}",
    /expected a CEL expression/,
  ],
  [
    "respond: {graphql: {schema: shop.graphql, overrides: {User.name: {value: 1, script: 'return 1'}}}}",
    /at most one of value/,
  ],
  ["respond: {graphql: {data: {}}, status: 200}", /expected graphql to stand alone/],
  ["respond: {graphql: {}}", /expected data, errors or schema/],
  [
    "{matches: [{graphql: {field: User.name}}], respond: {status: 200}}",
    /because only a schema knows types, got "User.name"/,
  ],
  ["{matches: [{variables: {contains: x}}], respond: {status: 200}}", /only means something next to graphql/],
  [
    "patch: {graphql: {$schema: shop.graphql, me.plan: PAYD}}",
    /me\.plan: expected a value of Plan \(FREE, PAID, ENTERPRISE\), got "PAYD", did you mean "PAID"\?/,
  ],
  [
    "patch: {graphql: {$schema: shop.graphql, count: many}}",
    /graphql\.count: expected a value of Int, got "many"/,
  ],
  [
    "patch: {graphql: {$schema: shop.graphql, me: {value: {nmae: x}}}}",
    /graphql\.me\.value\.nmae: expected a field of User, got "nmae", did you mean "name"\?/,
  ],
  ["patch: {graphql: {$schema: shop.graphql, me.friends: x}}", /expected a list for \[User!\], got "x"/],
  [
    "patch: {graphql: {$schema: shop.graphql, search: [{id: 1}]}}",
    /graphql\.search\[0\]: expected __typename, to tell which type of Hit it is, got none/,
  ],
  [
    "patch: {graphql: {$schema: shop.graphql, node: {value: {__typename: Usr}}}}",
    /expected a type of Node, got "Usr", did you mean "User"\?/,
  ],
  [
    "patch: {graphql: {$schema: shop.graphql, User: 3}}",
    /expected a field such as User\.id, got the type "User"/,
  ],
  [
    "respond: {graphql: {schema: shop.graphql, overrides: {Query.users: [1]}}}",
    /Query\.users\[0\]: expected an object of User, got 1/,
  ],
  [
    "respond: {graphql: {schema: shop.graphql, overrides: {User: {value: {plan: GOLD}}}}}",
    /overrides\.User\.value\.plan: expected a value of Plan/,
  ],
  [
    "respond: {graphql: {schema: shop.graphql, overrides: {Subscription.ticks: {events: [{value: 1}, {value: x}]}}}}",
    /events\[1\]\.value: expected a value of Int, got "x"/,
  ],
];

for (const [rule, problem] of mistakes) {
  test(`graphql rules: ${rule} is refused with what was meant`, async () => {
    const text = rule.startsWith("{") ? `  - {name: r, ${rule.slice(1)}\n` : `  - {name: r, ${rule}}\n`;
    await assert.rejects(
      openStage(text, { files: { "bad.graphql": "type Query { a: Missing }" } }),
      (thrown: Error) => problem.test(thrown.message) || assert.fail(thrown.message),
    );
  });
}
