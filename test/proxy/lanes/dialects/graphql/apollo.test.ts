// Apollo Client as it ships: queries, mutations, its cache, persisted queries, batches, and subscriptions by graphql-ws,
// against a mocked schema and against a real server of which a rule answers some fields.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  ApolloClient,
  type ApolloLink,
  CombinedGraphQLErrors,
  gql,
  HttpLink,
  InMemoryCache,
} from "@apollo/client";
import { BatchHttpLink } from "@apollo/client/link/batch-http";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { openGraphqlServer, openStage } from "./stage.ts";

const shop = `
  - name: shop
    respond:
      graphql:
        schema: shop.graphql
        overrides:
          User.name: {expression: 'has(state.name) ? state.name : "Tom"'}
          Mutation.rename: {remember: {name: args.name}}
          Subscription.ticks: {events: [{value: 1}, {after: 1ms, value: 2}, {value: 3}]}
`;

const clientOf = (link: ApolloLink) => new ApolloClient({ link, cache: new InMemoryCache() });

const user = gql`query GetUser($id: ID!) { user(id: $id) { id name plan friends { id name } } }`;

test("Apollo Client: queries a mocked schema, mutates it, and its cache takes what comes for its own", async () => {
  await using stage = await openStage(shop);
  const client = clientOf(new HttpLink({ uri: stage.url }));
  const first = await client.query<{ user: { id: string; name: string } }>({
    query: user,
    variables: { id: "7" },
  });
  assert.deepEqual([first.data?.user.id, first.data?.user.name], ["7", "Tom"]);
  const cached = client.readQuery({ query: user, variables: { id: "7" } });
  assert.deepEqual(cached, first.data, "everything that was asked is there, __typename included");
  await client.mutate({ mutation: gql`mutation { rename(name: "Kim") { id name } }` });
  const again = await client.query<{ user: { name: string } }>({
    ...{ query: user, variables: { id: "7" }, fetchPolicy: "network-only" },
  });
  assert.equal(again.data?.user.name, "Kim");
  await assert.rejects(client.query({ query: gql`{ nothing }` }), (error) => {
    assert.ok(CombinedGraphQLErrors.is(error), String(error));
    assert.match(error.errors[0]?.message ?? "", /Cannot query field "nothing"/);
    return true;
  });
  client.stop();
});

test("Apollo Client: subscriptions of a mocked schema through graphql-ws", async () => {
  await using stage = await openStage(shop);
  const sockets = createClient({ url: stage.url.replace("http:", "ws:"), webSocketImpl: WebSocket });
  const client = clientOf(new GraphQLWsLink(sockets));
  const seen: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    const ticks = client.subscribe<{ ticks: number }>({ query: gql`subscription { ticks }` });
    ticks.subscribe({ next: ({ data }) => seen.push(data?.ticks), error: reject, complete: resolve });
  });
  assert.deepEqual(seen, [1, 2, 3]);
  client.stop();
  await sockets.dispose();
});

test("Apollo Client: batches and persisted queries are answered", async () => {
  await using stage = await openStage(shop);
  const batching = clientOf(new BatchHttpLink({ uri: stage.url, batchMax: 3, batchInterval: 5 }));
  const counts = await Promise.all(
    ["a", "b", "c"].map((id) => batching.query<{ user: { id: string } }>({ query: user, variables: { id } })),
  );
  assert.deepEqual(
    counts.map(({ data }) => data?.user.id),
    ["a", "b", "c"],
  );
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const persisted = clientOf(new PersistedQueryLink({ sha256 }).concat(new HttpLink({ uri: stage.url })));
  for (const id of ["1", "2"]) {
    const { data } = await persisted.query<{ user: { id: string } }>({ query: user, variables: { id } });
    assert.equal(data?.user.id, id);
  }
  batching.stop();
  persisted.stop();
});

test("Apollo Client: a real server's answer with fields of a rule, an error among them", async () => {
  const real = (id: string) => ({ id, name: `name of ${id}`, plan: "FREE", friends: () => [real(`${id}a`)] });
  await using server = await openGraphqlServer({ user: ({ id }: { id: string }) => real(id) });
  await using stage = await openStage(
    "  - {name: some, matches: [{graphql: {operation: GetUser}}], patch: {graphql: {User.plan: PAID, user.friends.name: {error: gone}}}}\n",
    { upstream: server.address },
  );
  const client = clientOf(new HttpLink({ uri: stage.url }));
  const variables = { id: "7" };
  const { data, error } = await client.query({ query: user, variables, errorPolicy: "all" });
  assert.deepEqual(data, {
    user: {
      ...{ __typename: "User", id: "7", name: "name of 7", plan: "PAID" },
      friends: [{ __typename: "User", id: "7a", name: null }],
    },
  });
  assert.ok(CombinedGraphQLErrors.is(error));
  assert.deepEqual(error.errors[0]?.path, ["user", "friends", 0, "name"]);
  assert.doesNotMatch(server.asked[0]?.query ?? "", /plan/);
  client.stop();
});
