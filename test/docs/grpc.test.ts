// The examples of docs/grpc.md: each is accepted as it stands there, and does what the page says to a real client.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withShop } from "../proxy/lanes/dialects/grpc/rules.ts";
import type { Outcome, ShopServer } from "../support/grpc-shop.ts";

const page = readFileSync(new URL("../../docs/grpc.md", import.meta.url), "utf8");
/** Parts of rules: several stand in one block, by `---` or a line each. */
const parts = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].flatMap(([, text = ""]) =>
  text.split(/^---\n|\n(?=fault:)/m).map((part) => part.trim()),
);

interface Row {
  /** What the part begins with. */
  readonly part: RegExp;
  readonly method: "Get" | "Watch" | "Talk";
  readonly says: (outcome: Outcome, shop: ShopServer) => unknown;
  readonly expected: unknown;
}

const inStock = ({ messages }: Outcome) => messages.map((message) => message.inStock);
const rows: readonly Row[] = [
  {
    part: /^respond:\n {2}grpc:\n {4}message:/,
    method: "Get",
    says: ({ code, messages }) => [code, messages[0]?.sku, messages[0]?.inStock],
    expected: [0, "tom", 3],
  },
  {
    part: /^respond:\n {2}grpc:\n {4}status:/,
    method: "Get",
    says: ({ code, details, trailers }) => [code, details, trailers?.get("grpc-status-details-bin").length],
    expected: [5, "no such item", 1],
  },
  {
    part: /^respond:\n {2}grpc:\n {4}messages:/,
    method: "Talk",
    says: (outcome) => [
      ...inStock(outcome),
      outcome.metadata?.get("x-from")[0],
      outcome.trailers?.get("x-cost")[0],
    ],
    expected: [3, 2, 1, "understudy", "1"],
  },
  { part: /^respond:\n {2}cycle:/, method: "Get", says: inStock, expected: [1] },
  {
    part: /^fault: \{abort: \{grpcStatus/,
    method: "Get",
    says: ({ code, details }) => [code, details],
    expected: [14, "out for lunch"],
  },
  { part: /^fault: \{delay/, method: "Get", says: ({ code }) => code, expected: 0 },
  {
    part: /^fault: \{grpc: \{afterMessages: 2, abort/,
    method: "Watch",
    says: (outcome) => [outcome.code, ...inStock(outcome)],
    expected: [15, 0, 1],
  },
  {
    part: /^fault: \{truncate/,
    method: "Watch",
    says: (outcome) => [outcome.code, ...inStock(outcome)],
    expected: [13, 0, 1],
  },
  {
    part: /^fault: \{grpc: \{afterMessages: 2, halfMessage/,
    method: "Watch",
    says: (outcome) => [outcome.code, ...inStock(outcome)],
    expected: [13, 0, 1],
  },
  { part: /^fault: \{http2: \{resetStream/, method: "Get", says: ({ code }) => code, expected: 14 },
  {
    part: /^patch:/,
    method: "Get",
    says: ({ messages }, { seen }) => [
      messages[0]?.tags,
      (seen.at(-1)?.request as { tenant: string } | undefined)?.tenant,
    ],
    expected: [["real", "sale"], "qa"],
  },
];

for (const { part, method, says, expected } of rows) {
  const found = parts.find((one) => part.test(one)) ?? "";
  test(`${found.split("#")[0]?.replaceAll(/\s+/g, " ")}`, () =>
    withShop(
      `- name: documented\n  matches: [{grpc: {service: shop.v1.Inventory, method: ${method}}}]\n` +
        `${found.replaceAll(/^/gm, "  ")}\n`,
      async ({ client, shop }) => {
        const requests = method === "Talk" ? [{ sku: "a" }, { sku: "b" }] : [{ sku: "a" }];
        assert.deepEqual(says(await client.call(method, requests), shop), expected);
      },
    ));
}

test("every part of the page is run", () => {
  const others = parts.filter((part) => !rows.some((row) => row.part.test(part)));
  assert.deepEqual(
    others.map((part) => part.split(/[:\n]/)[0]),
    ["version", "matches"],
  );
});

test("which calls: service, method, metadata and message together", () => {
  const matches = parts.find((part) => part.startsWith("matches:")) ?? "";
  return withShop(
    `- name: documented\n${matches.replaceAll(/^/gm, "  ")}\n  fault: {abort: {grpcStatus: ABORTED}}\n`,
    async ({ client }) => {
      const metadata = { "x-tenant": "qa" };
      const codes: number[] = [];
      for (const [sku, options] of [
        ["tom", { metadata }],
        ["tom", {}],
        ["other", { metadata }],
      ] as const)
        codes.push((await client.call("Get", [{ sku }], options)).code);
      assert.deepEqual(codes, [10, 0, 0]);
    },
  );
});
