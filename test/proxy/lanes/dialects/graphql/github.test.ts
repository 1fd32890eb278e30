// A large public schema (GitHub's, 1,600 types): it loads, introspects as graphql-js has it, and answers what is asked.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, cacheExchange, fetchExchange, gql } from "@urql/core";
import {
  buildSchema,
  type GraphQLField,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  getIntrospectionQuery,
  getNamedType,
  graphqlSync,
  isInterfaceType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from "graphql";
import { type Random, seededRandom } from "../../../../../src/core/random.ts";
import { openStage, type Stage } from "./stage.ts";

const folder = dirname(fileURLToPath(import.meta.resolve("@octokit/graphql-schema")));
const sdl = readFileSync(join(folder, "schema.graphql"), "utf8");
// The published file repeats two fields and deprecates one that its interface does not.
const schema = buildSchema(sdl, { assumeValidSDL: true, assumeValid: true });
const rules = "  - {name: github, respond: {graphql: {schema: github.graphql}}}\n";

const openGithub = (): Promise<Stage> => openStage(rules, { files: { "github.graphql": sdl } });

test("a large schema: introspection is that of graphql-js, and 200 generated operations are answered", async () => {
  await using stage = await openGithub();
  const query = getIntrospectionQuery();
  const introspected = await stage.ask(query);
  assert.equal(JSON.stringify(introspected.json), JSON.stringify(graphqlSync({ schema, source: query })));
  for (let seed = 1; seed <= 200; seed++) {
    const operation = operationOf(seededRandom(seed));
    const { json } = await stage.ask(operation);
    assert.equal(json.errors, undefined, `${operation}\n${JSON.stringify(json.errors)}`);
    assert.ok(Object.keys(json.data).length > 0);
  }
});

test("a real client: urql reads from the mock, and its cache knows the types", async () => {
  await using stage = await openGithub();
  const client = new Client({
    url: stage.url,
    exchanges: [cacheExchange, fetchExchange],
    preferGetMethod: false,
  });
  const query = gql`query ($login: String!) { user(login: $login) { id login name repositories(first: 2) { totalCount nodes { name } } } }`;
  const first = await client.query(query, { login: "tom" }).toPromise();
  assert.equal(first.error, undefined);
  assert.equal(first.data.user.login, "tom");
  assert.equal(first.data.user.repositories.nodes.length, 2);
  const second = await client.query(query, { login: "tom" }).toPromise();
  assert.deepEqual(second.data, first.data);
});

/** A valid query: fields without arguments that must be given, three levels deep. */
function operationOf(random: Random): string {
  return `{ ${selections(schema.getQueryType() as GraphQLObjectType, random, 0)} }`;
}

function selections(type: GraphQLObjectType | GraphQLInterfaceType, random: Random, depth: number): string {
  const fields = Object.values(type.getFields()).filter((field) => isFree(field, depth));
  const parts = ["__typename"];
  for (let i = 0; i < 4 && fields.length > 0; i++) {
    const field = fields[random.uint32() % fields.length];
    if (field) parts.push(selection(field, random, depth, `${type.name}_${field.name}`));
  }
  return [...new Set(parts)].join(" ");
}

function selection(
  field: GraphQLField<unknown, unknown>,
  random: Random,
  depth: number,
  alias: string,
): string {
  const type = getNamedType(field.type);
  if (isLeafType(type)) return `${alias}: ${field.name}`;
  const below =
    isObjectType(type) || isInterfaceType(type) ? selections(type, random, depth + 1) : "__typename";
  // A number in the alias, because the same field with other selections below is another question.
  return `${alias}_${random.uint32()}: ${field.name} { ${below} }`;
}

function isFree(field: GraphQLField<unknown, unknown>, depth: number): boolean {
  if (field.args.some(isRequiredArgument)) return false;
  return depth < 3 || isLeafType(getNamedType(field.type));
}
