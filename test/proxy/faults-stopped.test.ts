// The switch that stops all faults, on real sockets: the rules stay as they are, and so does what mocks remember.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { RuleSpec } from "../../src/core/rule.ts";
import { openRig } from "../support/rig.ts";
import { noFault, replyWith, ruleSpec } from "../support/rule-spec.ts";

const at = (path: string): RuleSpec["matches"] => [{ path: { op: "exact", value: path } }];
const replyOf = (text: string) => {
  const spec = replyWith(text);
  assert.ok(spec.kind === "reply");
  return spec.reply;
};

const rules: readonly Partial<RuleSpec>[] = [
  {
    name: "turns",
    matches: at("/turns"),
    respond: { kind: "cycle", replies: [replyOf("one"), replyOf("two"), replyOf("three")] },
    fault: { ...noFault, delay: { type: "fixed", ms: 1 } },
  },
  {
    name: "opens",
    matches: at("/door"),
    state: { name: "door", key: null, is: null, becomes: "open" },
    fault: { ...noFault, abort: { kind: "httpStatus", status: 500 } },
  },
  { name: "cut", matches: at("/cut"), fault: { ...noFault, abort: { kind: "httpStatus", status: 501 } } },
  { name: "instead", matches: at("/cut"), respond: replyWith("mocked instead") },
  {
    name: "patched",
    matches: at("/patched"),
    fault: { ...noFault, truncate: { afterBytes: 1 } },
    patch: {
      request: null,
      response: { status: 207, setHeaders: [], removeHeaders: [], json: null, body: null },
    },
  },
];

const aborted = (rule: string, status: number) =>
  `${status} understudy: rule ${rule} aborts this call with status ${status}\n`;

async function switchable(t: TestContext) {
  const server = http.createServer((_request, response) => response.end("real")).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const upstream = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const state = { halted: false };
  const rig = await openRig({ upstream, rules: rules.map(ruleSpec), faultsHalted: () => state.halted });
  t.after(() => rig[Symbol.asyncDispose]());
  const get = async (path: string) => {
    const request = http.get({ ...rig.address, path, agent: false });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    let body = "";
    try {
      for await (const chunk of response) body += chunk;
    } catch {
      body += " cut";
    }
    return `${response.statusCode} ${body}`;
  };
  return { rig, get, state };
}

test("faults stopped: what is more than a fault goes on without it, with the state that it has", async (t) => {
  const { rig, get, state } = await switchable(t);
  const flagsOf = (path: string) =>
    rig.events.findLast((event) => event.kind === "call" && event.path === path);
  assert.equal(await get("/turns"), "200 one");
  state.halted = true;
  assert.equal(await get("/turns"), "200 two");
  const calm = flagsOf("/turns");
  assert.ok(calm?.kind === "call" && calm.flags.length === 0 && calm.rule === "turns");
  state.halted = false;
  assert.equal(await get("/turns"), "200 three");
});

test("faults stopped: a rule that is nothing but a fault claims nothing, and moves no state", async (t) => {
  const { get, state } = await switchable(t);
  assert.deepEqual([await get("/cut"), await get("/door")], [aborted("cut", 501), aborted("opens", 500)]);
  state.halted = true;
  assert.deepEqual([await get("/cut"), await get("/door")], ["200 mocked instead", "200 real"]);
  state.halted = false;
  assert.equal(await get("/cut"), aborted("cut", 501));
});

test("faults stopped: patches go on, with all of the body", async (t) => {
  const { get, state } = await switchable(t);
  assert.equal(await get("/patched"), "207 r cut");
  state.halted = true;
  assert.equal(await get("/patched"), "207 real");
});
