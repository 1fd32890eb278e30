// A key of the format in a mapping that does not take it is told with the place where it belongs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileOf, linesOf } from "./written.ts";

/** What is written below `- name: …`, the path of the key, and what is said of it. */
const rows: readonly (readonly [written: string, path: string, hint: string])[] = [
  // one level too high
  ["ttl: 30m", "ttl", "scope.ttl"],
  ["percentage: 50", "percentage", "scope.percentage"],
  ["status: 503", "status", "respond.status"],
  ["path: /x", "path", "matches[].path"],
  ["headers: {a: b}", "headers", "matches[].headers, scope.headers or respond.headers"],
  ["delay: 2s", "delay", "respond.delay or fault.delay"],
  ["fault: {httpStatus: 503}", "fault.httpStatus", "fault.abort.httpStatus"],
  ["fault: {median: 80ms}", "fault.median", "fault.delay.distribution.median"],
  ["patch: {status: 500}", "patch.status", "patch.response.status"],
  ["respond: {send: hi}", "respond.send", "respond.websocket[].send"],
  ["is: paid", "is", "state.is"],
  // one too low
  ["matches: [{host: a, respond: {status: 200}}]", "matches[0].respond", "respond of the rule itself"],
  ["scope: {priority: 5}", "scope.priority", "priority of the rule itself"],
  [
    "matches: [{graphql: {variables: {contains: a}}}]",
    "matches[0].graphql.variables",
    "matches[0].variables",
  ],
  ["matches: [{host: a}, {grpc: {metadata: {a: b}}}]", "matches[1].grpc.metadata", "matches[1].metadata"],
  // beside
  ["respond: {percentage: 5}", "respond.percentage", "scope.percentage"],
  ["fault: {ttl: 5m}", "fault.ttl", "scope.ttl"],
  ["scope: {host: a}", "scope.host", "matches[].host"],
  ["patch: {request: {status: 500}}", "patch.request.status", "patch.response.status"],
];

for (const [written, path, hint] of rows)
  test(`misplaced: ${path} is told as ${hint}`, () => {
    const key = path.slice(path.lastIndexOf(".") + 1);
    const told = linesOf(fileOf(written)).filter((line) => line.includes(`rules[0].${path}: `));
    assert.deepEqual(told, [`r.yaml:4: rules[0].${path}: unknown key "${key}" here, did you mean ${hint}?`]);
  });

test("misplaced: a slip is told as one, where the value fits the key that was meant", () => {
  const said = (written: string) =>
    linesOf(fileOf("patch: {request: {body: a}}", written))[0]?.replace(/^.*?: .*?: /, "");
  assert.equal(said("response: {status: 200}"), 'unknown key "response", did you mean "respond"?');
  assert.equal(said("scope: {percentag: 5}"), 'unknown key "percentag", did you mean "percentage"?');
  assert.equal(said("percentag: 5"), 'unknown key "percentag" here, did you mean scope.percentage?');
  assert.equal(said("status: fast"), 'unknown key "status" here, did you mean respond.status?');
  assert.match(said("nonsense: 5") ?? "", /^unknown key "nonsense"; known here: name, priority, /);
});

test("misplaced: only places that take the value are named, if there are any", () => {
  const [text] = linesOf(fileOf("status: NOT_FOUND"));
  assert.match(text ?? "", /unknown key "status" here, did you mean respond\.grpc\.status\?$/);
  const [list] = linesOf(fileOf("fault: {closeCode: 1013}"));
  assert.match(list ?? "", /did you mean fault\.websocket\.closeCode\?$/);
});

test("misplaced: keys of a rule at the top of the file belong into a rule", () => {
  const text = "version: 1\nrespond: {status: 200}\nrules:\n  - name: a\n    respond: {status: 200}\n";
  assert.deepEqual(linesOf(text), [
    'r.yaml:2: respond: unknown key "respond" here, did you mean rules[].respond?',
  ]);
});
