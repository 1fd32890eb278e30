// The program as a process: what it prints, where, and with which exit code.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../bin/understudy.js", import.meta.url));

function understudy(args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, ...env },
    timeout: 60_000,
  });
}

test("understudy: --help on stdout, nothing at all is the same on stderr and a mistake", () => {
  const asked = understudy(["--help"]);
  assert.equal(asked.status, 0);
  assert.match(asked.stdout, /^understudy stands beside a program/);
  assert.equal(asked.stderr, "");
  const silent = understudy([]);
  assert.equal(silent.status, 64);
  assert.equal(silent.stderr, asked.stdout);
});

test("understudy: --version", () => {
  assert.match(understudy(["--version"]).stdout, /^understudy \d+\.\d+\.\d+ \(node \d+/);
});

test("understudy: help of a command is the same by either way", () => {
  const text = understudy(["help", "proxy"]).stdout;
  assert.match(text, /^Usage: understudy proxy/);
  assert.equal(understudy(["proxy", "--help"]).stdout, text);
  assert.equal(understudy(["proxy", "--json", "-h"]).stdout, text);
});

test("understudy: --help after the first word of several commands lists them", () => {
  const asked = understudy(["rules", "--help"]);
  assert.equal(asked.status, 0);
  assert.match(asked.stdout, /^Usage: understudy rules COMMAND/);
  assert.equal(understudy(["help", "rules", "--help"]).stdout, asked.stdout);
});

test("understudy: the folder that it is called in may be gone", () => {
  const script = 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$@"';
  const called = (...args: readonly string[]) =>
    spawnSync("sh", ["-c", script, "sh", process.execPath, program, ...args], {
      encoding: "utf8",
      timeout: 60_000,
    });
  assert.match(called("--version").stdout, /^understudy /);
  assert.equal(called("run", "-q", "--mode", "env", "echo", "hi").stdout, "hi\n");
  const check = called("rules", "check", "r.yaml");
  assert.deepEqual(
    [check.status, check.stdout.split("\n")[0], check.stderr],
    [65, "r.yaml: expected a rules file or a folder of them, got nothing there (ENOENT)", ""],
  );
});

const oldNode = oldNodeHere();

/** Of the machine, not of the checkout, which has the one that is needed. */
function oldNodeHere(): string | undefined {
  const folders = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.includes("node_modules"));
  return folders
    .map((folder) => join(folder, "node"))
    .find((path) => {
      const { status, stdout } = spawnSync(path, ["-p", "parseInt(process.versions.node)"], {
        encoding: "utf8",
      });
      return status === 0 && Number(stdout) < 24;
    });
}

test("understudy: an older Node is told what is needed, and where to find it", {
  skip: oldNode === undefined && "needs a Node older than 24 in PATH",
}, () => {
  const told = spawnSync(oldNode ?? "", [program, "--version"], { encoding: "utf8", timeout: 60_000 });
  assert.equal(told.status, 69);
  assert.match(told.stderr, /^understudy: needs Node 24 or newer, this is v\d+.*\n {2}in a checkout: npm ci/);
});

test("understudy: mistakes are lines on stderr with a next step and an exit code that tells their kind", () => {
  const table: readonly [
    args: readonly string[],
    env: Record<string, string>,
    status: number,
    stderr: string | RegExp,
  ][] = [
    [["prxy"], {}, 64, "understudy: prxy: no such command; did you mean proxy?\n"],
    [
      ["proxy", "--lsten"],
      {},
      64,
      "understudy: --lsten: no such flag of understudy proxy; did you mean --listen?\n",
    ],
    [
      ["proxy", "--listen", "x"],
      { UNDERSTUDY_QUIET: "perhaps" },
      78,
      'understudy: UNDERSTUDY_QUIET: expected true or false, got "perhaps"\n' +
        'understudy: --listen: expected an address such as 127.0.0.1:8080, got "x"\n' +
        "  next: understudy help proxy tells its flags, understudy help options every option with its variable and default\n",
    ],
    [
      ["run", "--mode", "x", "--", "true"],
      {},
      78,
      'understudy: --mode: expected namespace or env, got "x"\n' +
        "  next: understudy help run tells its flags, understudy help options every option with its variable and default\n",
    ],
    [
      ["run", "--nameserver", "dns.test", "--", "true"],
      {},
      78,
      'understudy: --nameserver: expected an IP address, with or without a port from 1 to 65535, got "dns.test"\n' +
        "  next: understudy help run tells its flags, understudy help options every option with its variable and default\n",
    ],
    [
      ["run", "--mode", "env", "--rules", "/nonexistent/r.yaml", "--", "true"],
      { UNDERSTUDY_JSON: "false" },
      65,
      /^(?!.*0 calls).*expected a rules file/s,
    ],
  ];
  for (const [args, env, status, stderr] of table) {
    const ended = understudy(args, env);
    if (typeof stderr === "string") assert.equal(ended.stderr, stderr);
    else assert.match(ended.stderr, stderr);
    assert.equal(ended.status, status);
    assert.equal(ended.stdout, "");
  }
});

test("understudy: a reader that leaves early is no error", async () => {
  const child = spawn(process.execPath, [program, "help", "options"], { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const [status] = await once(child, "close");
  assert.equal(stderr, "");
  assert.equal(status, 0);
});

test("understudy: a serving command says where it listens as JSON, and ends with SIGTERM", async () => {
  const child = spawn(process.execPath, [program, "proxy", "--listen=127.0.0.1:0", "--admin=127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  let stdout = "";
  let told = false;
  for await (const chunk of child.stdout) {
    stdout += chunk;
    if (!told && stdout.includes('"started"')) told = child.kill("SIGTERM");
  }
  assert.deepEqual(await closed, [0, null]);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ level, msg }) => [level, msg]),
    [
      [30, "started"],
      [30, "finishing open calls; once more to end at once"],
    ],
  );
  assert.match(lines[0].listen.proxy, /^127\.0\.0\.1:\d+$/);
  assert.match(lines[0].admin, /^http:\/\/127\.0\.0\.1:\d+\/$/);
});
