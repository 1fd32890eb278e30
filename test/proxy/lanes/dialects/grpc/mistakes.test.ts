// What rules of gRPC get wrong, against the shop's descriptors: each mistake is told, not the first alone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../../../src/core/random.ts";
import { formatRulePath } from "../../../../../src/core/rule-problem.ts";
import { createGrpcDialect } from "../../../../../src/proxy/lanes/dialects/grpc/dialect.ts";
import { compileRules } from "../../../../../src/proxy/match/compile.ts";
import { createPlanner } from "../../../../../src/proxy/perform/plan.ts";
import { manualClock } from "../../../../support/manual-clock.ts";
import { rulesOf } from "./rules.ts";

const about = "grpc: {service: shop.v1.Inventory, method: Get}";

function mistakes(rule: string, descriptors?: string): readonly string[] {
  const dialects = [createGrpcDialect()];
  const deps = {
    clock: manualClock(),
    random: seededRandom(1),
    maxBodyBytes: 1_000,
    hangMs: 1_000,
    dialects,
  };
  const rules = rulesOf(
    `- name: wrong
  ${rule}
`,
    descriptors,
  );
  const compiled = compileRules(rules, createPlanner(deps), "1", dialects);
  assert.ok("problems" in compiled);
  return compiled.problems.map(({ problem }) => formatRulePath(problem.path)).sort();
}

test("grpc: each mistake of a message is told, by the name that was written", () => {
  const price = "{units: {}, curency: EUR}";
  const message = `{in_stock: many, tags: [1, 2], nope: 1, sku: a, price: ${price}, state: NOPE}`;
  assert.deepEqual(mistakes(`matches: [{${about}}]\n  respond: {grpc: {message: ${message}}}`), [
    "respond.grpc.message.in_stock",
    "respond.grpc.message.nope",
    "respond.grpc.message.price.curency",
    "respond.grpc.message.price.units",
    "respond.grpc.message.state",
    "respond.grpc.message.tags[0]", // of a list the first
  ]);
});

test("grpc: each mistake of a match, of several messages and of details is told", () => {
  const match = `${about}, message: {equalToJson: {skuu: a, amount: x}}`;
  assert.deepEqual(mistakes(`matches: [{${match}}]\n  respond: {grpc: {message: {sku: 1}}}`), [
    "matches[0].message.equalToJson.amount",
    "matches[0].message.equalToJson.skuu",
    "respond.grpc.message.sku",
  ]);
  const details = '[{"@type": google.rpc.ErrorInf}, {"@type": google.rpc.ErrorInfo, x: 1, y: 2}]';
  assert.deepEqual(
    mistakes(`matches: [{${about}}]\n  respond: {grpc: {status: NOT_FOUND, details: ${details}}}`),
    ["respond.grpc.details[0].@type", "respond.grpc.details[1].x", "respond.grpc.details[1].y"],
  );
});

test("grpc: each mistake of a patch is told, of both directions", () => {
  const response = "[{op: add, path: /tgs/-, value: a}, {op: replace, path: /inStock, value: lots}]";
  const patch = `{grpc: {request: {tenat: a, sku: 1}, response: ${response}}}`;
  assert.deepEqual(mistakes(`matches: [{${about}}]\n  patch: ${patch}`), [
    "patch.grpc.request.sku",
    "patch.grpc.request.tenat",
    "patch.grpc.response[0].path",
    "patch.grpc.response[1].value",
  ]);
});

test("grpc: descriptors that are missed by several parts of a rule are told once", () => {
  const rule = `matches: [{${about}}]\n  respond: {grpc: {message: {sku: a}}}`;
  assert.deepEqual(mistakes(rule, "/nowhere/shop.proto"), ["descriptors[0]"]);
});
