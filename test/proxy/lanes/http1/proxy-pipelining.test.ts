// Pipelined requests through the explicit proxy: whole, in order, each to its own upstream.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drainSocket, openRig, openServer } from "../../../support/rig.ts";

/** Answers each request with its path, and keeps what it has read. */
async function echo(heard: string[]) {
  return openServer((socket) => {
    let seen = "";
    socket.on("data", (chunk) => {
      seen += chunk;
      const whole = /^\S+ (\S+) [\s\S]*?\r\n\r\n(?:body)?/;
      for (let found = whole.exec(seen); found; found = whole.exec(seen)) {
        const [text, path = ""] = found;
        if (text.startsWith("POST") && !text.endsWith("body")) return;
        heard.push(text);
        seen = seen.slice(text.length);
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
      }
    });
    socket.on("end", () => socket.end());
  });
}

test("proxy pipelining: a body goes to its upstream before the request behind it, and the client's FIN ends it all", async () => {
  const [atOne, atTwo]: [string[], string[]] = [[], []];
  await using one = await echo(atOne);
  await using two = await echo(atTwo);
  await using rig = await openRig({ mode: "proxy" });
  const target = ({ port }: { port: number }, path: string) =>
    `http://127.0.0.1:${port}${path} HTTP/1.1\r\nHost: x\r\n`;
  const post = "Content-Length: 4\r\n\r\nbody";
  const client = await rig.connect();
  client.end(
    `POST ${target(one.address, "/1")}${post}GET ${target(one.address, "/2")}\r\n` +
      `POST ${target(two.address, "/3")}${post}POST ${target(one.address, "/4")}${post}`,
  );
  const { bytes, reset } = await drainSocket(client);
  assert.deepEqual(
    [...bytes.toString().matchAll(/\r\n\r\n(\/\d)/g)].map(([, path]) => path),
    ["/1", "/2", "/3", "/4"],
  );
  assert.equal(reset, false);
  const said = (heard: string[]) =>
    heard.map((text) => `${text.split(" ", 2).join(" ")} ${text.endsWith("body")}`);
  assert.deepEqual(said(atOne), ["POST /1 true", "GET /2 false", "POST /4 true"]);
  assert.deepEqual(said(atTwo), ["POST /3 true"]);
});
