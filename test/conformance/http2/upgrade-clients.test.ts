// `Upgrade: h2c` with real peers: nghttp and curl ask nghttpx for it, with us in between.

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import type { RuleSpec } from "../../../src/core/rule.ts";
import type { CallEvent } from "../../../src/core/tap.ts";
import { freePort } from "../../support/free-port.ts";
import { openRig, type Rig, type RigOptions } from "../../support/rig.ts";
import { noFault, replyWith } from "../../support/rule-spec.ts";

const lacks = ["nghttpx", "nghttp", "curl"].filter((name) => spawnSync(name, ["--version"]).status !== 0);
const skip = lacks.length === 0 ? false : `skipped: needs ${lacks.join(", ")} (scripts/components.sh)`;
const run = promisify(execFile);
const on = (value: string) => [{ path: { op: "exact", value } as const }];
const large = "0123456789abcdef".repeat(20_000);

const rules: readonly Partial<RuleSpec>[] = [
  { name: "mocked", matches: on("/mocked"), respond: replyWith("from a rule") },
  { name: "gone", matches: on("/gone"), fault: { ...noFault, abort: { kind: "httpStatus", status: 503 } } },
  {
    name: "patched",
    matches: on("/b.txt"),
    patch: {
      request: null,
      response: {
        setHeaders: [["x-patched", "yes"]],
        removeHeaders: [],
        json: null,
        body: null,
        status: null,
      },
    },
  },
];

/** nghttpx in front of `origin`; where its port is taken before it listens, on another. */
async function started(origin: number): Promise<{ readonly server: ChildProcess; readonly port: number }> {
  let said = "";
  for (let tries = 3; tries > 0; tries--) {
    const port = await freePort();
    const { server, log } = await startedOn(port, origin);
    if (server) return { server, port };
    said = log;
  }
  return assert.fail(said);
}

/** `server` null: it has ended. */
async function startedOn(
  port: number,
  origin: number,
): Promise<{ readonly server: ChildProcess | null; readonly log: string }> {
  const words = ["--conf=/dev/null", "--single-process", "--log-level=INFO", "--accesslog-file=/dev/null"];
  const ends = [`--frontend=127.0.0.1,${port};no-tls`, `--backend=127.0.0.1,${origin}`];
  const child = spawn("nghttpx", [...words, "--errorlog-file=/dev/stderr", ...ends], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += String(chunk);
    if (/listening on/i.test(said)) child.emit("listens");
  });
  const listens = once(child, "listens").then(() => true);
  const isUp = await Promise.race([listens, once(child, "close").then(() => false)]);
  return { server: isUp ? child : null, log: said };
}

/** An HTTP/1 server, nghttpx in front of it, and a rig in front of that; `at`: where clients ask. */
async function behindUs(
  options: Partial<RigOptions>,
  work: (at: string, rig: Rig, direct: string) => Promise<void>,
): Promise<void> {
  const origin = createHttpServer((request, response) => {
    request.resume().on("end", () => response.end(/^\/[bc]/.test(request.url ?? "") ? "small" : large));
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const { server, port } = await started((origin.address() as AddressInfo).port);
  try {
    await using rig = await openRig({ upstream: { host: "127.0.0.1", port }, rules, ...options });
    await work(`http://127.0.0.1:${rig.address.port}`, rig, `http://127.0.0.1:${port}`);
  } finally {
    server.kill("SIGKILL");
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    origin.closeAllConnections();
    origin.close();
  }
}

async function nghttp(...args: string[]): Promise<string> {
  const { stdout } = await run("nghttp", ["-u", ...args], { timeout: 10_000, maxBuffer: 10_000_000 });
  return stdout;
}

const callsOf = (rig: Rig) => rig.events.filter((event): event is CallEvent => event.kind === "call");
const namesOf = (rig: Rig) =>
  callsOf(rig).map((call) => `${call.protocol} ${call.path} ${call.status} ${call.rule}`);

test(
  "h2c: nghttp gets its first answer relayed, and later streams mocked, refused and patched",
  { skip },
  () =>
    behindUs({}, async (at, rig) => {
      const said = await nghttp("-v", `${at}/a.txt`, `${at}/mocked`, `${at}/gone`, `${at}/b.txt`);
      assert.match(said, /HTTP Upgrade success/);
      assert.match(said, /:status: 503/);
      assert.match(said, /x-patched: yes/);
      assert.ok(said.includes("from a rule") && said.includes(large.slice(0, 1_000)));
      assert.deepEqual(namesOf(rig).sort(), [
        "http/2 /a.txt 200 null",
        "http/2 /b.txt 200 patched",
        "http/2 /gone 503 gone",
        "http/2 /mocked 200 mocked",
      ]);
    }),
);

test("h2c: what nghttp gets is the same with us in between", { skip }, () =>
  behindUs({}, async (at, _rig, direct) => {
    const paths = ["/a.txt", "/nothing", "/a.txt?again"];
    const received = async (from: string) =>
      (await nghttp("-v", "-n", ...paths.map((path) => from + path)))
        .split("\n")
        .filter((line) => /recv \(stream_id=\d+\)/.test(line) && !/ date: /.test(line))
        .map((line) => line.replace(/^\[[^\]]*\] /, ""))
        .sort();
    const expected = await received(direct);
    assert.ok(expected.length > 10);
    assert.deepEqual(await received(at), expected);
  }),
);

test("h2c: nghttp's upgrade of an upload is its OPTIONS, and the upload arrives whole", { skip }, () =>
  behindUs({}, async (at, rig) => {
    const said = await nghttp("-v", "-d", import.meta.filename, `${at}/a.txt`);
    assert.match(said, /HTTP Upgrade success/);
    assert.ok(said.includes(large.slice(0, 1_000)));
    assert.deepEqual(
      callsOf(rig).map(({ method }) => method),
      ["OPTIONS", "POST"],
    );
  }),
);

// curl keeps 32 KiB of what comes at once with the 101: its first answers are small ones.
test("h2c: curl upgrades, and reuses the connection for mocks", { skip }, () =>
  behindUs({}, async (at, rig) => {
    const words = ["-sS", "--http2", "-w", "[%{http_version} %{num_connects}]"];
    const { stdout } = await run("curl", [...words, `${at}/c.txt`, `${at}/a.txt`, `${at}/mocked`], {
      timeout: 10_000,
    });
    assert.equal(stdout, `small[2 1]${large}[2 0]from a rule[2 0]`);
    assert.deepEqual(namesOf(rig), [
      "http/2 /c.txt 200 null",
      "http/2 /a.txt 200 null",
      "http/2 /mocked 200 mocked",
    ]);
  }),
);

test("h2c: curl stays with HTTP/1 where a rule claims the request that asks", { skip }, () =>
  behindUs({}, async (at, rig) => {
    const words = ["-sS", "-D", "-", "--http2", "-w", "[%{http_version}]"];
    const { stdout } = await run("curl", [...words, `${at}/mocked`, `${at}/b.txt`], { timeout: 10_000 });
    assert.match(
      stdout,
      /^HTTP\/1.1 200 OK[^[]*from a rule\[1\.1\]HTTP\/1.1 200 OK[^[]*x-patched: yes[^[]*small\[1\.1\]$/i,
    );
    assert.deepEqual(namesOf(rig), ["http/1 /mocked 200 mocked", "http/1 /b.txt 200 patched"]);
  }),
);

test("h2c: without rules the connection is opaque behind the 101", { skip }, () =>
  behindUs({ rules: [] }, async (at, rig) => {
    const { stdout } = await run("curl", ["-sS", "--http2", `${at}/c.txt`], { timeout: 10_000 });
    assert.equal(stdout, "small");
    assert.deepEqual(namesOf(rig), ["http/1 /c.txt 101 null"]);
  }),
);
