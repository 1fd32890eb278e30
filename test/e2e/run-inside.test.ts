// Servers of the command: reached by the command itself, and by the host where they are published.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { freePort } from "../support/free-port.ts";
import { noNamespaces, startUnderstudy, understudy, users } from "../support/understudy-process.ts";

/** A server that greets first, and a client of it, in one process: what test suites do all day. */
const selfTest = `
const net = require("node:net");
const server = net.createServer((socket) => {
  socket.write("hello ");
  socket.on("data", (chunk) => socket.end("you said " + chunk));
});
server.listen(0, HOST, () => {
  const client = net.connect(server.address().port, HOST);
  let heard = "";
  client.on("data", (chunk) => { heard += chunk; if (heard === "hello ") client.write("ping"); });
  client.on("end", () => { console.log(heard); process.exit(); });
});`;

const webServer = (port: number, host: string) => `
const server = require("node:http").createServer((request, response) => response.end("inside " + request.url));
server.listen(${port}, "${host}", () => console.log("listening"));`;

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("close", () => socket.destroy());
    socket.unref();
  });
}

describe("run: servers of the command", { skip: noNamespaces }, () => {
  for (const user of users) {
    for (const host of ["127.0.0.1", "::1"]) {
      test(`the command reaches its own server on ${host}, as ${user.name}`, {
        skip: user.skip,
      }, async () => {
        const script = selfTest.replaceAll("HOST", JSON.stringify(host));
        const { code, stdout, stderr } = await understudy(["run", "--", process.execPath, "-e", script], {
          user,
        });
        assert.equal(stdout, "hello you said ping\n", stderr);
        assert.match(stderr, /relayed/);
        assert.equal(code, 0);
      });
    }

    test(`a published port is reached from the host, and rules see it, as ${user.name}`, {
      skip: user.skip,
    }, async () => {
      const outer = await freePort();
      const running = startUnderstudy(
        ["run", "--publish", `${outer}:3000`, "--", process.execPath, "-e", webServer(3000, "localhost")],
        { user },
      );
      await running.seen("stdout", "listening");
      const answer = await (await fetch(`http://127.0.0.1:${outer}/from-host`)).text();
      assert.equal(answer, "inside /from-host");
      await running.seen("stderr", `GET 127.0.0.1:${outer}/from-host → 200 relayed`);
      running.process.kill("SIGTERM");
      assert.equal((await running.finished).code, 143);
      assert.equal(await canConnect(outer), false);
    });

    test(`a published port under its own number is no loop before the command listens, as ${user.name}`, {
      skip: user.skip,
    }, async () => {
      const port = await freePort();
      const script = `fetch("http://127.0.0.1:${port}/").then(() => console.log("answered"), (e) => console.log("refused"))`;
      const { stdout, stderr } = await understudy(
        ["run", "--publish", String(port), "--", process.execPath, "-e", script],
        { user },
      );
      assert.equal(stdout, "refused\n", stderr);
    });

    test(`a port that is not published is told of once, as ${user.name}`, { skip: user.skip }, async () => {
      const running = startUnderstudy(["run", "--", process.execPath, "-e", webServer(3123, "127.0.0.1")], {
        user,
      });
      await running.seen(
        "stderr",
        "the command listens on port 3123; for the host to reach it: --publish 3123",
      );
      running.process.kill("SIGINT");
      const { stderr, code } = await running.finished;
      assert.equal(stderr.split("--publish 3123").length, 2);
      assert.equal(code, 130);
    });
  }
});
