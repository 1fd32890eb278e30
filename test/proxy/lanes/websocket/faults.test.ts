// What rules do to messages of a live WebSocket, with `ws` at both ends: each fault, each change, and that compressed
// messages behind it can still be read.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TapEvent } from "../../../../src/core/tap.ts";
import { openRig, type Rig } from "../../../support/rig.ts";
import { type Client, type Echo, messagesOf, openClient, openEcho, rulesOf } from "./sockets.ts";

const up = "websocket: {path: /chat, direction: toUpstream}";

/** Runs a conversation through one rule, with and without compression. */
function throughRule(
  name: string,
  rule: string,
  talk: (client: Client, echo: Echo, rig: Rig) => Promise<void>,
): void {
  for (const compressed of [true, false]) {
    test(`${name}${compressed ? ", compressed" : ""}`, async () => {
      await using echo = await openEcho(compressed ? {} : { perMessageDeflate: false });
      const rules = rulesOf(`\n  - name: it\n${rule.replace(/^/gm, "    ")}`);
      await using rig = await openRig({ upstream: echo.address, rules });
      await using client = await openClient(rig.address);
      assert.equal(client.socket.extensions !== "", compressed);
      await talk(client, echo, rig);
    });
  }
}

/** Alike, so that compressed ones refer back to each other. */
const said = (...names: string[]) => names.map((name) => `the same old story about ${name}`);

function sendAll(client: Client, texts: readonly string[]): void {
  for (const text of texts) client.socket.send(text);
}

/** Says something until it comes back as it was. */
async function passes(client: Client, text = "passes"): Promise<void> {
  let heard = "";
  const listening = (async () => {
    while (heard !== text) heard = await client.next();
  })();
  while (heard !== text) {
    client.socket.send(text);
    await new Promise(setImmediate);
  }
  await listening;
}

const opaqueEvent = (rig: Rig) =>
  rig.event((event) => event.kind === "opaque") as Promise<Extract<TapEvent, { kind: "opaque" }>>;

throughRule(
  "dropMessages: those that match are left out, later ones arrive",
  `matches: [{${up}, message: {contains: two}}]
fault: {websocket: {dropMessages: true}}`,
  async (client, echo) => {
    sendAll(client, said("one", "two", "three", "two again", "four"));
    assert.deepEqual(await messagesOf(client, 3), said("one", "three", "four"));
    assert.deepEqual(echo.got, said("one", "three", "four"));
  },
);

throughRule(
  "dropMessages with a number and afterMessages: so many, behind so many",
  `matches: [{${up}}]
fault: {websocket: {dropMessages: 2, afterMessages: 1}}`,
  async (client) => {
    sendAll(client, said("1", "2", "3", "4", "5"));
    assert.deepEqual(await messagesOf(client, 3), said("1", "4", "5"));
  },
);

throughRule(
  "dropMessages towards the client",
  `matches: [{websocket: {direction: toDownstream}, message: {matches: ".*two"}}]
fault: {websocket: {dropMessages: true}}`,
  async (client, echo) => {
    sendAll(client, said("one", "two", "three"));
    assert.deepEqual(await messagesOf(client, 2), said("one", "three"));
    assert.equal(echo.got.length, 3);
  },
);

throughRule(
  "duplicateMessages: each again",
  `matches: [{${up}, message: {contains: two}}]
fault: {websocket: {duplicateMessages: 2}}`,
  async (client) => {
    sendAll(client, said("one", "two", "three"));
    assert.deepEqual(await messagesOf(client, 5), said("one", "two", "two", "two", "three"));
  },
);

throughRule(
  "reorderMessages: groups leave last first",
  `matches: [{${up}}]
fault: {websocket: {reorderMessages: 3}}`,
  async (client) => {
    sendAll(client, said("1", "2", "3", "4", "5", "6"));
    assert.deepEqual(await messagesOf(client, 6), said("3", "2", "1", "6", "5", "4"));
  },
);

throughRule(
  "reorderMessages: what is held leaves before the close",
  `matches: [{${up}}]
fault: {websocket: {reorderMessages: 3}}`,
  async (client, echo) => {
    sendAll(client, said("1", "2"));
    client.socket.close(1000);
    await client.closed;
    assert.deepEqual(echo.got, said("2", "1"));
  },
);

throughRule(
  "delayMessages: order holds, and what is behind waits",
  `matches: [{${up}, message: {contains: slow}}]
fault: {websocket: {delayMessages: 40ms}}`,
  async (client) => {
    const before = performance.now();
    sendAll(client, said("one", "slow", "three"));
    assert.deepEqual(await messagesOf(client, 3), said("one", "slow", "three"));
    assert.ok(performance.now() - before >= 38);
  },
);

throughRule(
  "closeCode: the client gets it with its reason, the upstream hears that its peer left",
  `matches: [{${up}}]
fault: {websocket: {closeCode: 1013, closeReason: later, afterMessages: 2}}`,
  async (client, echo, rig) => {
    sendAll(client, said("1", "2", "3"));
    assert.deepEqual(await client.closed, { code: 1013, reason: "later" });
    const event = await opaqueEvent(rig);
    assert.deepEqual(event.flags, ["FI"]);
    assert.equal(event.detail, "closed with 1013 by it");
    assert.deepEqual(event.messages, {
      toUpstream: 3,
      toDownstream: event.messages?.toDownstream,
      ruleHits: 1,
    });
    await echo.closed;
    assert.deepEqual(echo.got, said("1", "2"));
    assert.deepEqual(echo.closes, [1001]);
  },
);

throughRule(
  "cut: both ends end without a close",
  `matches: [{${up}, message: {contains: now}}]
fault: {websocket: {cut: true}}`,
  async (client, echo, rig) => {
    sendAll(client, said("now"));
    assert.equal((await client.closed).code, 1006);
    await opaqueEvent(rig);
    assert.deepEqual(echo.got, []);
  },
);

throughRule(
  "ignorePings: a ping gets no answer, messages do",
  `matches: [{websocket: {path: /chat}}]
fault: {websocket: {ignorePings: true}}`,
  async (client, echo) => {
    let pongs = 0;
    client.socket.on("pong", () => pongs++);
    client.socket.ping("anybody?");
    sendAll(client, said("one"));
    assert.deepEqual(await messagesOf(client, 1), said("one"));
    assert.deepEqual([pongs, echo.pings()], [0, 0]);
  },
);

throughRule(
  "probability 0: not one message is touched",
  `matches: [{${up}}]
fault: {websocket: {dropMessages: true, probability: 0}}`,
  async (client) => {
    sendAll(client, said("1", "2"));
    assert.deepEqual(await messagesOf(client, 2), said("1", "2"));
  },
);

throughRule(
  "patch json: one field changes, the rest stays",
  `matches: [{websocket: {direction: toDownstream}, message: {matchesJsonPath: $.plan}}]
patch: {websocket: {json: {plan: enterprise}}}`,
  async (client) => {
    sendAll(client, ['{"name":"a","plan":"free"}', "not json", '{"name":"b"}']);
    assert.deepEqual(await messagesOf(client, 3), [
      '{"name":"a","plan":"enterprise"}',
      "not json",
      '{"name":"b"}',
    ]);
  },
);

throughRule(
  "patch replace: another message in its place, made from it",
  `matches: [{${up}, message: {contains: two}}]
patch: {websocket: {replace: {text: "<{{request.body}}> at {{request.path}}", template: true}}}`,
  async (client) => {
    sendAll(client, ["one", "two", "three"]);
    assert.deepEqual(await messagesOf(client, 3), ["one", "<two> at /chat", "three"]);
  },
);

throughRule(
  "patch inject: a script beside the live connection",
  `matches: [{websocket: {path: /chat}}]
patch:
  websocket:
    inject:
      - send: hello from between
      - expect: {contains: secret}
        direction: toUpstream
      - send: {text: "I heard {{request.body}}", template: true}
        direction: toUpstream`,
  async (client, echo) => {
    assert.equal(await client.next(), "hello from between");
    sendAll(client, ["one", "the secret"]);
    const texts = await messagesOf(client, 3);
    assert.deepEqual(texts.sort(), ["I heard the secret", "one", "the secret"]);
    assert.ok(echo.got.includes("I heard the secret"));
  },
);

throughRule(
  "binaryPrefix: a binary message by its first bytes",
  `matches: [{${up}, message: {binaryPrefix: ${Buffer.from([0, 1, 2]).toString("base64")}}}]
respond: {websocket: [{send: {base64: "/w=="}}]}`,
  async (client) => {
    client.socket.send(Buffer.from([0, 1, 2, 3]));
    client.socket.send("\0\u0001\u0002");
    client.socket.send(Buffer.from([0, 1]));
    const texts = await messagesOf(client, 3);
    assert.deepEqual(texts, [Buffer.from([255]).toString(), "\0\u0001\u0002", "\0\u0001"]);
  },
);

test("several rules: each message goes to the first that wants it", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: b
    priority: 20
    matches: [{${up}, message: {contains: x}}]
    respond: {websocket: [{send: from b}]}
  - name: a
    priority: 10
    matches: [{${up}, message: {contains: xx}}]
    respond: {websocket: [{send: from a}]}`);
  await using rig = await openRig({ upstream: echo.address, rules });
  await using client = await openClient(rig.address);
  sendAll(client, ["x", "xx", "y"]);
  assert.deepEqual((await messagesOf(client, 3)).sort(), ["from a", "from b", "y"]);
  assert.deepEqual(echo.got, ["y"]);
});

test("a rule with afterMessages that lets a message pass leaves it to the next rule", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: later
    matches: [{${up}}]
    fault: {websocket: {dropMessages: true, afterMessages: 1}}
  - name: first
    matches: [{${up}, message: {contains: one}}]
    respond: {websocket: [{send: answered}]}`);
  await using rig = await openRig({ upstream: echo.address, rules });
  await using client = await openClient(rig.address);
  sendAll(client, ["one", "one"]);
  assert.equal(await client.next(), "answered");
  assert.deepEqual(echo.got, []);
});

test("a rule for another path, host or subprotocol leaves the connection raw", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: path
    matches: [{websocket: {path: /other}}, {websocket: {subprotocol: v9}}, {host: elsewhere, websocket: {}}]
    fault: {websocket: {closeCode: 1011}}`);
  await using rig = await openRig({ upstream: echo.address, rules });
  await using client = await openClient(rig.address);
  sendAll(client, ["one"]);
  assert.equal(await client.next(), "one");
  client.socket.close();
  assert.equal((await opaqueEvent(rig)).messages, undefined);
});

test("a request that is no upgrade is not touched by rules about WebSockets", async () => {
  const rules = rulesOf(`
  - name: script
    matches: [{host: a}]
    respond: {websocket: [{send: x}]}
  - name: page
    respond: {body: page}`);
  await using rig = await openRig({ rules });
  const reply = await fetch(`http://127.0.0.1:${rig.address.port}/`, { headers: { host: "a" } });
  assert.equal(await reply.text(), "page");
});

test("a fault on messages works against a mocked end as against a real one", async () => {
  const rules = rulesOf(`
  - name: script
    matches: [{websocket: {}}]
    respond: {websocket: [{send: one}, {send: two}, {send: three}, {close: 1000}]}
  - name: drop
    matches: [{websocket: {direction: toDownstream}, message: {equalTo: two}}]
    fault: {websocket: {dropMessages: true}}`);
  await using rig = await openRig({ rules });
  await using client = await openClient(rig.address);
  assert.deepEqual(await messagesOf(client, 2), ["one", "three"]);
  assert.equal((await client.closed).code, 1000);
  const event = await opaqueEvent(rig);
  assert.equal(event.outcome, "mocked");
  assert.equal(event.rule, "script");
});

test("expect within: the connection is closed with 1008 where no such message comes", async () => {
  const rules = rulesOf(`
  - name: script
    matches: [{websocket: {}}]
    respond: {websocket: [{expect: {equalTo: hello}, within: 20ms}, {send: late}]}`);
  await using rig = await openRig({ rules });
  await using client = await openClient(rig.address);
  assert.deepEqual(await client.closed, { code: 1008, reason: "expected a message within 20 ms" });
});

test("a rule that is taken back stops acting on connections that it concerned", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: drop
    matches: [{${up}}]
    fault: {websocket: {dropMessages: true}}`);
  await using rig = await openRig({ upstream: echo.address, rules });
  await using client = await openClient(rig.address);
  sendAll(client, ["dropped"]);
  await rig.event((event) => event.kind === "message-touched");
  rig.setRules([]);
  await passes(client);
  assert.ok(!echo.got.includes("dropped"));
});

test("a fault on messages stops acting when faults are stopped, and a patch goes on", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: drop
    matches: [{${up}, message: {equalTo: drop me}}]
    fault: {websocket: {dropMessages: true}}
  - name: patch
    matches: [{${up}, message: {equalTo: patch me}}]
    patch: {websocket: {replace: patched}}`);
  let faultsHalted = false;
  await using rig = await openRig({ upstream: echo.address, rules, faultsHalted: () => faultsHalted });
  await using before = await openClient(rig.address);
  sendAll(before, ["drop me", "patch me"]);
  assert.equal(await before.next(), "patched");
  faultsHalted = true;
  await using after = await openClient(rig.address);
  for (const client of [before, after]) {
    await passes(client, "drop me");
    sendAll(client, ["patch me"]);
    const heard: string[] = [];
    while (heard.at(-1) !== "patched") heard.push(await client.next());
    assert.ok(heard.slice(0, -1).every((text) => text === "drop me"));
  }
});

test("a rule that expires stops acting on connections that it concerned", async () => {
  await using echo = await openEcho();
  const [rule] = rulesOf(`
  - name: drop
    matches: [{${up}}]
    fault: {websocket: {dropMessages: true}}`);
  assert.ok(rule);
  const scope = { ...rule.scope, expiresAtMs: Date.now() + 100 };
  await using rig = await openRig({ upstream: echo.address, rules: [{ ...rule, scope }] });
  await using client = await openClient(rig.address);
  sendAll(client, ["dropped"]);
  await rig.event((event) => event.kind === "message-touched");
  await passes(client);
  assert.ok(Date.now() >= scope.expiresAtMs);
  assert.ok(!echo.got.includes("dropped"));
});

test("a rule that is replaced by another of its name stops acting, too", async () => {
  await using echo = await openEcho();
  const rules = (what: string) =>
    rulesOf(`
  - name: change
    matches: [{${up}}]
    patch: {websocket: {replace: ${what}}}`);
  await using rig = await openRig({ upstream: echo.address, rules: rules("a") });
  await using client = await openClient(rig.address);
  sendAll(client, ["x"]);
  assert.equal(await client.next(), "a");
  rig.setRules(rules("b"));
  await passes(client);
});

test("a script ends with its rule, and the log says so", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: chatter
    matches: [{websocket: {}}]
    patch: {websocket: {inject: [{send: first}, {wait: 1h}, {send: never}]}}
  - name: drop
    matches: [{websocket: {}}]
    fault: {websocket: {dropMessages: true}}`);
  await using rig = await openRig({ upstream: echo.address, rules });
  await using client = await openClient(rig.address);
  assert.equal(await client.next(), "first");
  rig.setRules([]);
  await passes(client);
  client.socket.close();
  const event = await opaqueEvent(rig);
  assert.match(event.detail, /the script of chatter ended, because the rule is not in force any more/);
});

test("maxActive: the rule counts the connections that it concerns until they end", async () => {
  await using echo = await openEcho();
  const rules = rulesOf(`
  - name: one
    matches: [{websocket: {}}]
    scope: {maxActive: 1}
    fault: {websocket: {dropMessages: true}}`);
  await using rig = await openRig({ upstream: echo.address, rules });
  const first = await openClient(rig.address);
  await using second = await openClient(rig.address);
  second.socket.send("passes");
  assert.equal(await second.next(), "passes");
  await first[Symbol.asyncDispose]();
  await opaqueEvent(rig);
  await using third = await openClient(rig.address);
  third.socket.send("dropped");
  third.socket.close();
  await third.closed;
  assert.deepEqual(echo.got, ["passes"]);
});

test("what a rule holds back goes on soon after the rule is taken back", async () => {
  for (const fault of ["delayMessages: 1h", "reorderMessages: 3"]) {
    await using echo = await openEcho({});
    const rules = rulesOf(`
  - name: it
    matches: [{${up}}]
    fault: {websocket: {${fault}}}`);
    await using rig = await openRig({ upstream: echo.address, rules });
    await using client = await openClient(rig.address);
    sendAll(client, said("one"));
    await rig.event((event) => event.kind === "message-touched");
    assert.deepEqual(echo.got, []);
    // The rule is still there, without its fault, as while all faults are stopped.
    rig.setRules(rules.map((rule) => ({ ...rule, fault: null })));
    assert.deepEqual(await messagesOf(client, 1), said("one"), fault);
  }
});
