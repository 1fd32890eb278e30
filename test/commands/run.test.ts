// `understudy run` as a function: its flags, its modes and its exit codes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, test } from "node:test";
import type { Shell } from "../../src/commands/command.ts";
import { run } from "../../src/commands/run.ts";
import { noNamespaces } from "../support/understudy-process.ts";

function scene(env: Readonly<Record<string, string>> = {}) {
  const text = { stdout: "", stderr: "" };
  const handlers = new Map<string, () => void>();
  const shell: Shell = {
    env: { PATH: process.env.PATH, ...env },
    cwd: process.cwd(),
    stdout: { isTTY: false, write: (more) => (text.stdout += more) },
    stderr: { isTTY: false, write: (more) => (text.stderr += more) },
    uid: process.geteuid?.() ?? -1,
    gid: process.getegid?.() ?? -1,
    pid: process.pid,
    execPath: process.execPath,
    onSignal(signal, handler) {
      handlers.set(signal, handler);
      return () => void handlers.delete(signal);
    },
  };
  return { shell, text, handlers };
}

async function origin(): Promise<{ port: number; close: () => void }> {
  const server = createServer((request, response) => response.end(`real ${request.url}`));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const fetching = (url: string, expected: string) =>
  `fetch("${url}").then((r) => r.text()).then((t) => process.exit(t === "${expected}" ? 5 : 6), () => process.exit(7))`;

describe("run", () => {
  for (const [why, args, message] of [
    ["no command", [], /run: expected a command, as in/],
    [
      "a mode that is none",
      ["--mode", "magic", "--", "true"],
      /--mode: expected namespace or env, got "magic"/,
    ],
    ["a port that is none", ["--publish", "web", "--", "true"], /--publish: expected PORT/],
    [
      "a name server that is none",
      ["--nameserver", "a b", "--", "true"],
      /--nameserver: expected an address/,
    ],
    [
      "a port on which no name server is",
      ["--nameserver", "127.0.0.1:0", "--", "true"],
      /--nameserver: expected an IP address, with or without a port from 1 to 65535, got "127\.0\.0\.1:0"/,
    ],
  ] as const) {
    test(`refuses ${why}`, async () => {
      await assert.rejects(run.run(args, scene().shell), { message });
    });
  }

  test("--help tells what is not carried", async () => {
    const { shell, text } = scene();
    assert.equal(await run.run(["--help"], shell), 0);
    assert.match(text.stdout, /Not carried: ICMP/);
  });

  test("a command that does not exist is 127, before anything is set up", async () => {
    const { shell, text } = scene();
    assert.equal(await run.run(["no-such-command"], shell), 127);
    assert.equal(text.stderr, "understudy: no-such-command: command not found\n");
  });

  test("env: a program that heeds the variables is seen, its exit code passes", async () => {
    const { port, close } = await origin();
    const { shell, text } = scene();
    const script = fetching(`http://127.0.0.1:${port}/env`, "real /env");
    const code = await run.run(
      ["--mode", "env", "--publish", "3000", "--", process.execPath, "-e", script],
      shell,
    );
    close();
    assert.equal(code, 5);
    assert.match(text.stderr, /--publish has no meaning without a namespace/);
    assert.match(text.stderr, /proxy variables: only HTTP calls of programs that honour HTTP_PROXY are seen/);
    assert.match(text.stderr, new RegExp(`GET 127\\.0\\.0\\.1:${port}/env → 200 relayed`));
  });

  test("env: signals are passed on", async () => {
    const { shell, handlers } = scene();
    const script = `process.kill(${process.pid}, 0); setInterval(() => {}, 1000)`;
    const code = run.run(["-q", "--mode", "env", "--", process.execPath, "-e", script], shell);
    let ended = false;
    void code.then(() => {
      ended = true;
    });
    while (!ended) {
      handlers.get("SIGTERM")?.();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(await code, 143);
  });

  test("rules that are wrong refuse the start", async () => {
    for (const mode of ["env", ...(noNamespaces ? [] : ["namespace"])]) {
      const { shell } = scene({ UNDERSTUDY_RULES: "/no/such/rules.yaml" });
      await assert.rejects(run.run(["--mode", mode, "--", "true"], shell), { code: "bad_rules" });
    }
  });

  test("namespace: seen without the program's help; JSON goes to stderr", {
    skip: noNamespaces,
  }, async () => {
    const { port, close } = await origin();
    const { shell, text } = scene();
    const script = fetching(`http://127.0.0.1:${port}/inside`, "real /inside");
    const code = await run.run(["--json", "--", process.execPath, "-e", script], shell);
    close();
    assert.equal(code, 5);
    assert.equal(text.stdout, "");
    const lines = text.stderr.trim().split("\n");
    const seen = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.ok(seen.some((line) => JSON.stringify(line).includes("/inside")));
  });

  test("namespace: a port of the command is published", { skip: noNamespaces }, async () => {
    const { shell, text, handlers } = scene();
    const script = `require("node:net").createServer((s) => s.end("hi")).listen(3000, "127.0.0.1")`;
    const words = ["--publish", "0:3000", "--listen", "127.0.0.1:0", "--", process.execPath, "-e", script];
    const code = run.run(words, shell);
    while (!/, port 3000 on 127\.0\.0\.1:\d+/.test(text.stderr))
      await new Promise((resolve) => setImmediate(resolve));
    const port = Number(/, port 3000 on 127\.0\.0\.1:(\d+)/.exec(text.stderr)?.[1]);
    assert.notEqual(port, 0);
    let heard = "";
    while (heard === "") {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.on("data", (chunk) => (heard += chunk));
      // Not once(): that rejects on the reset that comes while nobody listens inside yet.
      await new Promise((resolve) => socket.on("close", resolve));
    }
    assert.equal(heard, "hi");
    handlers.get("SIGTERM")?.();
    assert.equal(await code, 143);
  });

  test("namespace: a signal during the start ends it", { skip: noNamespaces }, async () => {
    const { shell, handlers } = scene();
    const code = run.run(["-q", "--", "sleep", "600"], shell);
    while (!handlers.has("SIGINT")) await new Promise((resolve) => setImmediate(resolve));
    handlers.get("SIGINT")?.();
    assert.equal(await code, 130);
  });
});
