// `understudy redirect` with `understudy sidecar`: two network namespaces joined by a cable, one of them intercepted.

import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ready } from "../support/ready-process.ts";
import { eventually, hasTool, noNamespaces, users } from "../support/understudy-process.ts";

const program = fileURLToPath(new URL("../../bin/understudy.js", import.meta.url));
const sidecarUser = 65_534;

const skip =
  users[0]?.skip ||
  users[1]?.skip ||
  noNamespaces ||
  (hasTool("nsenter") ? false : "nsenter (util-linux) is missing") ||
  whyNoCable();

function whyNoCable(): string | false {
  const probe = spawnSync("unshare", ["--net", "ip", "link", "add", "near", "type", "veth"], {
    encoding: "utf8",
  });
  return probe.status === 0 ? false : `this kernel makes no veth pair: ${probe.stderr?.trim()}`;
}

/** Holds a network namespace until it is killed. */
async function openNetwork(): Promise<ChildProcess> {
  const holder = spawn("unshare", ["--net", "sh", "-c", "echo up; exec sleep 300"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (holder.stdout) await once(holder.stdout, "data");
  return holder;
}

function inside(holder: ChildProcess, words: readonly string[]): string[] {
  return ["nsenter", "--target", String(holder.pid), "--net", "--", ...words];
}

function run(holder: ChildProcess, words: readonly string[]): string {
  const [file = "", ...args] = inside(holder, words);
  return execFileSync(file, args, { encoding: "utf8", timeout: 30_000 });
}

function start(holder: ChildProcess, words: readonly string[], sign: RegExp): Promise<ChildProcess> {
  const [file = "", ...args] = inside(holder, words);
  return ready(spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] }), sign);
}

const greeter = (name: string) => [
  process.execPath,
  "-e",
  `const { createServer } = require("node:http");
   const open = [];
   createServer((request, response) => {
     if (request.url === "/open") return open.push(response), response.write("begun\\n");
     if (request.url === "/finish") for (const each of open.splice(0)) each.end("finished");
     response.end("${name} saw " + request.socket.remoteAddress);
   }).listen(8000, "::", () => console.log("ready"));`,
];

/** A call whose reply has begun, and ends when /finish is asked for. */
async function openCall(from: ChildProcess, url: string): Promise<{ readonly ended: Promise<string> }> {
  const [file = "", ...args] = inside(from, ["curl", "-sSN", "-g", "--max-time", "10", url]);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const ended = once(child, "close").then(() => text);
  await once(child.stdout, "data");
  return { ended };
}

describe("redirect: a sidecar between two machines", { skip }, () => {
  let service: ChildProcess;
  let world: ChildProcess;
  const running: ChildProcess[] = [];

  before(async () => {
    [service, world] = await Promise.all([openNetwork(), openNetwork()]);
    running.push(service, world);
    run(service, [
      "ip",
      "link",
      "add",
      "cable",
      "type",
      "veth",
      "peer",
      "name",
      "cable",
      "netns",
      String(world.pid),
    ]);
    for (const [holder, number] of [
      [service, 1],
      [world, 2],
    ] as const) {
      run(holder, ["ip", "link", "set", "lo", "up"]);
      run(holder, ["ip", "link", "set", "cable", "up"]);
      run(holder, ["ip", "addr", "add", `10.77.0.${number}/24`, "dev", "cable"]);
      run(holder, ["ip", "-6", "addr", "add", `fd77::${number}/64`, "dev", "cable", "nodad"]);
    }
    running.push(
      await start(service, greeter("service"), /ready/),
      await start(world, greeter("world"), /ready/),
    );
    const asNobody = ["setpriv", `--reuid=${sidecarUser}`, `--regid=${sidecarUser}`, "--clear-groups"];
    running.push(
      await start(service, [...asNobody, process.execPath, program, "sidecar"], /"msg":"started"/),
    );
  });
  after(() => {
    for (const child of running.reverse()) child.kill("SIGKILL");
  });

  const redirect = (...args: string[]) => run(service, [process.execPath, program, "redirect", ...args]);
  const call = (from: ChildProcess, url: string) => run(from, ["curl", "-sS", "-g", "--max-time", "10", url]);
  const journal = () => call(service, "http://127.0.0.1:15090/journal");

  test("up: calls in both directions and both families pass through the sidecar", () => {
    assert.equal(redirect("up", "--uid", String(sidecarUser)), "redirection installed\n");
    assert.match(call(service, "http://10.77.0.2:8000/out4"), /^world saw (::ffff:)?10\.77\.0\.1$/);
    assert.match(call(service, "http://[fd77::2]:8000/out6"), /^world saw fd77::1$/);
    // The service sees the sidecar, which dialled its own address: the price of relaying.
    assert.match(call(world, "http://10.77.0.1:8000/in4"), /^service saw (::ffff:)?10\.77\.0\.1$/);
    assert.match(call(world, "http://[fd77::1]:8000/in6"), /^service saw fd77::1$/);
    const seen = journal();
    for (const path of ["/out4", "/out6", "/in4", "/in6"])
      assert.ok(seen.includes(path), `${path} in ${seen}`);
    assert.match(seen, /"direction":\s*"inbound"/);
  });

  test("up twice is as up once; show tells the program in force; loopback is left alone", () => {
    redirect("up", "--uid", String(sidecarUser));
    assert.equal(redirect("show").match(/redirect to :15001/g)?.length, 1);
    call(service, "http://127.0.0.1:8000/loopback");
    assert.ok(!journal().includes("/loopback"));
  });

  test("excluded ports and networks are left alone", () => {
    redirect(
      "up",
      "--uid",
      String(sidecarUser),
      "--exclude-ports",
      "8000-8001",
      "--exclude-cidrs",
      "192.0.2.0/24",
    );
    call(service, "http://10.77.0.2:8000/excluded");
    assert.ok(!journal().includes("/excluded"));
    redirect("up", "--uid", String(sidecarUser), "--include-cidrs", "10.0.0.0/8");
    call(service, "http://[fd77::2]:8000/other-family");
    call(service, "http://10.77.0.2:8000/included");
    const seen = journal();
    assert.ok(!seen.includes("/other-family"));
    assert.ok(seen.includes("/included"));
  });

  test("a redirection that spares somebody else is no endless loop: our own connection is refused", () => {
    redirect("up", "--uid", String(sidecarUser + 1));
    for (const url of ["http://10.77.0.2:8000/loop", "http://[fd77::2]:8000/loop"]) {
      assert.throws(() => call(service, url), /\(56\)|\(52\)/); // reset, or closed without an answer
    }
    const loops = (JSON.parse(journal()) as { calls: { path: string }[] }).calls.filter(
      ({ path }) => path === "/loop",
    );
    assert.equal(loops.length, 2);
  });

  test("what is open when a redirection comes or goes is not cut, in both directions and families", async () => {
    const world4 = "http://10.77.0.2:8000";
    const service6 = "http://[fd77::1]:8000";
    const opened = () =>
      Promise.all([openCall(service, `${world4}/open`), openCall(world, `${service6}/open`)]);
    const finish = async (calls: Awaited<ReturnType<typeof opened>>) => {
      call(service, `${world4}/finish`);
      call(world, `${service6}/finish`);
      assert.deepEqual(await Promise.all(calls.map(({ ended }) => ended)), Array(2).fill("begun\nfinished"));
    };
    redirect("down");
    const before = await opened();
    redirect("up", "--uid", String(sidecarUser));
    await finish(before);

    const during = await opened();
    assert.match(redirect("down"), /^redirection removed\n2 connections from before still pass through/);
    call(service, `${world4}/not-redirected`);
    assert.ok(!journal().includes("/not-redirected"));
    await finish(during);
    // The sidecar has closed them a moment later; only then is there nothing left to carry.
    await eventually("the table is gone", () =>
      /^(redirection removed|no redirection.*)\n$/.test(redirect("down")),
    );
    assert.equal(redirect("down"), "no redirection is installed\n");
    redirect("up", "--uid", String(sidecarUser));
  });

  test("down: calls go their own way again, and a second time is no error", () => {
    assert.equal(redirect("down"), "redirection removed\n");
    assert.equal(redirect("down"), "no redirection is installed\n");
    call(service, "http://10.77.0.2:8000/after-down");
    assert.ok(!journal().includes("/after-down"));
    assert.throws(() => redirect("show"), /no redirection is installed|status 1|Command failed/);
  });
});
