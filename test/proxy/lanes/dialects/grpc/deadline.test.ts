// The deadline of a call where nobody but us keeps it: the client here would wait for ever, and time moves by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyBody } from "../../../../../src/core/body.ts";
import type { ConnectionFacts } from "../../../../../src/core/connection.ts";
import type { Exchange, Handler, ResponseReply } from "../../../../../src/core/exchange.ts";
import { seededRandom } from "../../../../../src/core/random.ts";
import { createGrpcDialect } from "../../../../../src/proxy/lanes/dialects/grpc/dialect.ts";
import { createPlanner } from "../../../../../src/proxy/perform/plan.ts";
import { manualClock } from "../../../../support/manual-clock.ts";
import { rulesOf } from "./rules.ts";

const connection: ConnectionFacts = {
  id: "1",
  direction: "outbound",
  downstream: { host: "127.0.0.1", port: 1 },
  originalDestination: null,
};

/** Serves one call of the rule as the pipeline does. */
function serving(rule: string, fields: Readonly<Record<string, string>>) {
  const clock = manualClock();
  const plan = createPlanner({
    clock,
    random: seededRandom(1),
    maxBodyBytes: 1_000,
    hangMs: 1_000_000,
    dialects: [createGrpcDialect()],
  });
  const [spec] = rulesOf(
    `\n- name: late\n  matches: [{grpc: {service: shop.v1.Inventory, method: Watch}}]\n  ${rule}\n`,
  );
  if (!spec) throw new Error("no rule");
  const { effects, terminal } = plan(spec);
  const never: Handler = () => new Promise(() => undefined);
  const end = terminal.kind === "relay" ? never : terminal.answer;
  const serve = effects.reduceRight<Handler>((next, effect) => (passed) => effect.apply(passed, next), end);
  const notes: string[] = [];
  const client = new AbortController();
  const exchange: Exchange = {
    id: "1",
    connection,
    head: {
      method: "POST",
      scheme: "http",
      authority: "shop",
      path: "/shop.v1.Inventory/Watch",
      headers: [],
      header: (name) => ({ "content-type": "application/grpc", ...fields })[name],
    },
    body: emptyBody,
    signal: client.signal,
    note: (text) => notes.push(text),
  };
  return { clock, notes, client, reply: serve(exchange) as Promise<ResponseReply> };
}

const statusIn = (fields: ResponseReply["headers"]) => fields.find(([name]) => name === "grpc-status")?.[1];

test("deadline: a mock that comes too late is DEADLINE_EXCEEDED at the deadline, not before", async () => {
  const { clock, notes, reply } = serving("respond: {grpc: {message: {sku: a}, delay: 10s}}", {
    "grpc-timeout": "100m",
  });
  let settled = false;
  void reply.then(() => {
    settled = true;
  });
  await clock.advance(99);
  assert.equal(settled, false);
  await clock.advance(1);
  assert.equal(statusIn((await reply).headers), "4");
  assert.deepEqual(notes, ["the deadline of the call has passed"]);
  assert.equal(clock.pending(), 0);
});

test("deadline: in the middle of a stream the messages so far stay, and the status follows them", async () => {
  const { clock, reply } = serving(
    "respond: {grpc: {messages: [{message: {sku: a}}, {message: {sku: b}, delay: 10s}]}}",
    { "grpc-timeout": "1S" },
  );
  const { body } = await reply;
  const chunks: Uint8Array[] = [];
  const read = (async () => {
    for await (const chunk of body.chunks()) chunks.push(chunk);
  })();
  await clock.advance(999);
  assert.equal(chunks.length, 1);
  await clock.advance(1);
  await read;
  assert.equal(chunks.length, 1);
  assert.equal(statusIn(body.trailers()), "4");
  assert.equal(clock.pending(), 0);
});

test("deadline: a delay before the real upstream ends with it", async () => {
  const { clock, reply } = serving("fault: {delay: 1h}", { "grpc-timeout": "2M" });
  await clock.advance(120_000);
  assert.equal(statusIn((await reply).headers), "4");
  assert.equal(clock.pending(), 0);
});

test("deadline: what comes in time is untouched, and no timer stays behind", async () => {
  const { clock, reply } = serving("respond: {grpc: {message: {sku: a}, delay: 50ms}}", {
    "grpc-timeout": "100m",
  });
  await clock.advance(50);
  const { body } = await reply;
  assert.equal((await body.read(100)).length, 8);
  assert.equal(statusIn(body.trailers()), "0");
  assert.equal(clock.pending(), 0);
});

test("deadline: a client that leaves ends the wait with its own reason", async () => {
  const { clock, client, reply } = serving("respond: {grpc: {message: {sku: a}, delay: 10s}}", {
    "grpc-timeout": "5S",
  });
  const gone = new Error("gone");
  await clock.advance(10);
  client.abort(gone);
  await assert.rejects(reply, gone);
  assert.equal(clock.pending(), 0);
});
