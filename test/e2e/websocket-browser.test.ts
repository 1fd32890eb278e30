// A page in Chromium that talks over WebSockets and listens to event streams, mocked and relayed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocketServer } from "ws";
import { rulesOf } from "../proxy/lanes/websocket/sockets.ts";
import { noChromium, openChromium } from "../support/chromium.ts";
import { testAuthority } from "../support/https.ts";
import { openRig } from "../support/rig.ts";

const rules = rulesOf(`
  - name: chat
    matches: [{websocket: {path: /mocked, subprotocol: chat.v2}}]
    respond:
      subprotocol: chat.v2
      websocket:
        - send: welcome
        - expect: {contains: join}
        - send: {base64: AAEC}
        - close: {code: 4001, reason: bye}
  - name: censored
    matches: [{websocket: {path: /real}, message: {contains: secret}}]
    patch: {websocket: {replace: "***"}}
  - name: prices
    matches: [{path: /mocked-events}]
    respond:
      events:
        - {event: price, id: "1", data: {json: {eur: 12}}}
        - {event: price, id: "2", data: {json: {eur: 13}}, delay: 20ms}
        - repeat: {steps: [{comment: still here, delay: 5s}]}`);

async function openOrigin() {
  const http = createServer((request, response) => {
    if (request.url === "/") return response.setHeader("content-type", "text/html").end("<p>a page</p>");
    response.setHeader("content-type", "text/event-stream");
    response.write("event: price\nid: 1\ndata: 7\n\n");
    response.write("event: price\nid: 2\ndata: 8\n\n");
  });
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: { threshold: 0 } });
  sockets.on("connection", (socket) =>
    socket.on("message", (data, binary) => {
      if (data.toString() === "close") socket.close(4002, "as you wish");
      else socket.send(data, { binary });
    }),
  );
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    address: { host: "127.0.0.1", port: (http.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      http.close();
      await once(http, "close");
    },
  };
}

/** What a page hears, in its own words; sends `says` one by one, each when something was heard. */
const talk = (
  path: string,
  protocols: readonly string[],
  says: readonly string[],
) => `new Promise((resolve) => {
  const heard = [];
  const says = ${JSON.stringify(says)};
  const socket = new WebSocket(location.origin.replace("http", "ws") + ${JSON.stringify(path)}, ${JSON.stringify(protocols)});
  socket.binaryType = "arraybuffer";
  const next = () => { if (says.length > 0) socket.send(says.shift()); };
  socket.onopen = () => {
    heard.push("open " + socket.protocol + (socket.extensions ? " compressed" : ""));
    if (${JSON.stringify(path)} !== "/mocked") next();
  };
  socket.onmessage = ({ data }) => {
    heard.push(typeof data === "string" ? data : [...new Uint8Array(data)].join(" "));
    next();
  };
  socket.onclose = ({ code, reason, wasClean }) => resolve([...heard, code + " " + reason + " " + wasClean]);
})`;

const listen = (path: string) => `new Promise((resolve) => {
  const heard = [];
  const source = new EventSource(${JSON.stringify(path)});
  source.addEventListener("price", ({ data, lastEventId }) => {
    heard.push(lastEventId + " " + data);
    if (heard.length < 2) return;
    source.close();
    resolve(heard);
  });
})`;

test("Chromium: WebSocket and EventSource of a page, mocked and relayed", {
  skip: noChromium && `skipped: ${noChromium}`,
}, async () => {
  await using origin = await openOrigin();
  await using rig = await openRig({ upstream: origin.address, rules });
  await using browser = await openChromium();
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${rig.address.port}/`);
  const hears = (script: string) => page.evaluate<string[]>(script);
  assert.deepEqual(await hears(talk("/mocked", ["chat.v1", "chat.v2"], ["let me join"])), [
    "open chat.v2 compressed",
    "welcome",
    "0 1 2",
    "4001 bye true",
  ]);
  assert.deepEqual(await hears(talk("/real", [], ["hello", "my secret", "grüße", "close"])), [
    "open  compressed",
    "hello",
    "***",
    "grüße",
    "4002 as you wish true",
  ]);
  assert.deepEqual(await hears(talk("/untouched", [], ["my secret", "close"])), [
    "open  compressed",
    "my secret",
    "4002 as you wish true",
  ]);
  assert.deepEqual(await hears(listen("/mocked-events")), ['1 {"eur":12}', '2 {"eur":13}']);
  assert.deepEqual(await hears(listen("/events")), ["1 7", "2 8"]);
});

/** Pages over HTTP/2, and WebSockets over HTTP/1.1 alone, as nearly all servers speak them. */
async function openSecureOrigin() {
  const authority = await testAuthority("the upstream's authority");
  const leaf = await authority.issue("localhost");
  const http = createSecureServer(
    { cert: leaf.chain, key: leaf.key, allowHTTP1: true },
    (_request, response) => {
      response.setHeader("content-type", "text/html");
      response.end("<p>a page</p>");
    },
  );
  const sockets = new WebSocketServer({ noServer: true });
  http.on("upgrade", (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      webSocket.on("message", (data) => {
        webSocket.send(`real ${data}`);
        webSocket.close(4002, "as you wish");
      }),
    ),
  );
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    address: { host: "127.0.0.1", port: (http.address() as AddressInfo).port },
    trust: authority.trust,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      http.close();
    },
  };
}

test("Chromium: wss: of a page over HTTP/2: mocked on its connection, and relayed where no rule claims it", {
  skip: noChromium && `skipped: ${noChromium}`,
}, async () => {
  await using origin = await openSecureOrigin();
  const authority = await testAuthority("ours");
  const tls = { authority, extraRoots: [origin.trust] };
  await using rig = await openRig({ upstream: origin.address, rules, tls });
  await using browser = await openChromium({ trust: authority.trust });
  const page = await browser.newPage();
  await page.goto(`https://localhost:${rig.address.port}/`);
  const hears = (script: string) => page.evaluate<string[]>(script);
  const mocked = ["open chat.v2 compressed", "welcome", "0 1 2", "4001 bye true"];
  assert.deepEqual(await hears(talk("/mocked", ["chat.v2"], ["let me join"])), mocked);
  const untouched = talk("/untouched", [], ["hello"]);
  assert.deepEqual(await hears(untouched), ["open ", "real hello", "4002 as you wish true"]);
  const calls = rig.events.flatMap((event) => (event.kind === "call" ? [event] : []));
  const told = calls.map(({ protocol, method, path, outcome }) => `${protocol} ${method} ${path} ${outcome}`);
  assert.ok(told.includes("http/2 CONNECT /mocked mocked"), told.join("\n"));
  assert.ok(told.includes("http/1 GET /untouched relayed"), told.join("\n"));
});
