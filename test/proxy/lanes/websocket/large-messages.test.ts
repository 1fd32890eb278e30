// Messages that are larger than may be held: they pass without being looked into, rules that need not have them whole act
// all the same, and what cannot be passed any more is refused.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { openRig, type Rig } from "../../../support/rig.ts";
import { type Client, type Echo, messagesOf, openClient, openEcho, rulesOf } from "./sockets.ts";

const limits = { maxRuleBodyBytes: 300 };
/** Text that no compression makes small. */
const large = randomBytes(2_000).toString("hex");

function throughRule(
  name: string,
  { rule, compression }: { readonly rule: string; readonly compression: boolean },
  talk: (client: Client, echo: Echo, rig: Rig) => Promise<void>,
): void {
  test(`large messages: ${name}`, async () => {
    await using echo = await openEcho(compression ? {} : { perMessageDeflate: false });
    const rules = rulesOf(`\n  - name: it\n${rule.replace(/^/gm, "    ")}`);
    await using rig = await openRig({ upstream: echo.address, rules, limits });
    await using client = await openClient(rig.address);
    await talk(client, echo, rig);
  });
}

const censored = `matches: [{websocket: {path: /chat}, message: {contains: secret}}]
patch: {websocket: {replace: "***"}}`;
const closing = `matches: [{websocket: {direction: toUpstream}}]
fault: {websocket: {closeCode: 4000, afterMessages: 2}}`;
const dropping = `matches: [{websocket: {direction: toUpstream}}]
fault: {websocket: {dropMessages: true, afterMessages: 1}}`;

async function noteOf(client: Client, rig: Rig): Promise<string> {
  client.socket.close(1000);
  const event = await rig.event(({ kind }) => kind === "opaque");
  return event.kind === "opaque" ? event.detail : "";
}

throughRule(
  "one that no rule could look into passes, and those around it are looked into",
  { rule: censored, compression: false },
  async (client, _echo, rig) => {
    for (const text of ["a secret", `secret ${large}`, "a secret again", "bye"]) client.socket.send(text);
    assert.deepEqual(await messagesOf(client, 4), ["***", `secret ${large}`, "***", "bye"]);
    const said = "sent a message of more than 300 bytes, which passed without being looked into";
    assert.equal(await noteOf(client, rig), `the client ${said}; the upstream ${said}`);
  },
);

throughRule(
  "in fragments, they pass from where they get too large",
  { rule: censored, compression: false },
  async (client) => {
    const { socket } = client;
    socket.send("x".repeat(200), { fin: false });
    socket.ping();
    socket.send("secret".repeat(50), { fin: false });
    socket.send("the end");
    socket.send("secret");
    assert.deepEqual(await messagesOf(client, 2), [`${"x".repeat(200)}${"secret".repeat(50)}the end`, "***"]);
  },
);

throughRule(
  "behind a compressed one that was not read, those that may refer to it pass too, and the log says so",
  { rule: censored, compression: true },
  async (client, _echo, rig) => {
    for (const text of ["plain", "x".repeat(4_000), "secret"]) client.socket.send(text);
    assert.deepEqual(await messagesOf(client, 3), ["plain", "x".repeat(4_000), "secret"]);
    assert.match(
      await noteOf(client, rig),
      /^the client .* 300 bytes, which passed .*, as did compressed ones behind it;/,
    );
  },
);

throughRule(
  "a compressed one behind a changed one could not be understood by its receiver: 1009",
  { rule: censored, compression: true },
  async (client) => {
    client.socket.send("secret");
    client.socket.send(large);
    assert.deepEqual(await client.closed.then(({ code }) => code), 1009);
  },
);

for (const compression of [false, true]) {
  const how = compression ? ", compressed" : "";
  throughRule(`a rule that only counts counts them${how}`, { rule: closing, compression }, async (client) => {
    for (const text of ["one", large, large]) client.socket.send(text);
    assert.equal((await client.closed).code, 4000);
  });
}

throughRule(
  "one that is dropped goes no further, however it comes",
  { rule: dropping, compression: false },
  async (client, echo) => {
    client.socket.send("first");
    client.socket.send(large);
    client.socket.send(large.slice(0, 100), { fin: false });
    client.socket.send(large);
    client.socket.ping();
    await new Promise((resolve) => client.socket.once("pong", resolve));
    assert.deepEqual(echo.got, ["first"]);
  },
);
