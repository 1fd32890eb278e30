// The command line: what is ours, what is left alone, and the message for each slip.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type CommandLine, type CommandLineSpec, readCommandLine } from "../../src/commands/options.ts";
import { UnderstudyError } from "../../src/core/errors.ts";

const run: CommandLineSpec = {
  command: "run",
  operands: "command",
  withoutOptions: ["outbound"],
  ownFlags: {
    publish: { type: "string", multiple: true },
    mode: { type: "string" },
    dry: { type: "boolean" },
  },
};
const proxy: CommandLineSpec = { command: "proxy", operands: "none" };

async function read(args: readonly string[], spec = run, env = {}): Promise<CommandLine> {
  const line = await readCommandLine(args, { env, cwd: "/nowhere" }, spec);
  return line === "help" ? assert.fail("asked for help") : line;
}

test("command line: a variable that is spelled wrong is told, and what others named so is not", async () => {
  let told = "";
  const stderr = {
    isTTY: false,
    write(text: string) {
      told += text;
    },
  };
  const env = {
    UNDERSTUDY_LISTN: "127.0.0.1:0",
    UNDERSTUDY_QUIET: "true",
    UNDERSTUDY_STORE_TOKEN: "secret",
    UNDERSTUDY_PORT_80_TCP_ADDR: "10.0.0.1",
    UNDERSTUDY_SERVICE_HOST: "10.0.0.1",
    UNDERSTUDY_PORT: "tcp://10.0.0.1:80",
  };
  await readCommandLine([], { env, cwd: "/nowhere", stderr }, proxy);
  assert.equal(told, "understudy: UNDERSTUDY_LISTN: no such variable; did you mean UNDERSTUDY_LISTEN?\n");
});

test("command line: what follows -- is left alone, even where it looks like ours", async () => {
  const line = await read(["--rules", "r.yaml", "-q", "--", "curl", "--help", "--listen=:1", "--", "x"]);
  assert.deepEqual(line.rest, ["curl", "--help", "--listen=:1", "--", "x"]);
  assert.equal(line.config.rules, "r.yaml");
  assert.equal(line.config.quiet, true);
});

test("command line: a command may also follow without --, with its flags", async () => {
  const line = await read(["--listen", ":81", "--json", "curl", "--json", "{}", "-h"]);
  assert.deepEqual(line.rest, ["curl", "--json", "{}", "-h"]);
  assert.deepEqual(line.config.listen, { host: "127.0.0.1", port: 81 });
  assert.equal(line.config.json, true);
});

test("command line: the value of a flag is not taken for the command", async () => {
  const line = await read(["--mode", "env", "--admin=off", "--publish", "80", "--publish=90", "ls"]);
  assert.deepEqual(
    [...line.own],
    [
      ["mode", ["env"]],
      ["publish", ["80", "90"]],
    ],
  );
  assert.deepEqual(line.rest, ["ls"]);
});

test("command line: the last one of a flag that is given twice wins", async () => {
  const line = await read([
    "--mode",
    "a",
    "--mode",
    "b",
    "--listen",
    ":1",
    "--listen",
    ":2",
    "--dry",
    "--quiet=no",
  ]);
  assert.deepEqual(line.own.get("mode"), ["b"]);
  assert.deepEqual(line.own.get("dry"), ["true"]);
  assert.equal(line.config.listen?.port, 2);
  assert.equal(line.config.quiet, false);
});

test("command line: settings of the config file are flags too, and flags win over variables", async () => {
  const env = { UNDERSTUDY_LIMITS_MAX_HEADERS: "7", UNDERSTUDY_JOURNAL_CALLS: "8" };
  const { config } = await read(["--limits-max-headers", "9"], proxy, env);
  assert.equal(config.settings.limits.maxHeaders, 9);
  assert.equal(config.settings.journalCalls, 8);
});

test("command line: help is asked for before anything else is read", async () => {
  const shell = { env: { UNDERSTUDY_LISTEN: "broken" }, cwd: "/" };
  for (const args of [["--help"], ["-h"], ["--json", "--help"]]) {
    assert.equal(await readCommandLine(args, shell, proxy), "help");
  }
  assert.deepEqual((await read(["ls", "--help"])).rest, ["ls", "--help"]);
});

const slips: readonly [args: readonly string[], spec: CommandLineSpec, message: string][] = [
  [["--lsten", ":1"], proxy, "--lsten: no such flag of understudy proxy; did you mean --listen?"],
  [["-x"], proxy, "-x: no such flag of understudy proxy; see understudy proxy --help"],
  [["--frobnicate"], proxy, "--frobnicate: no such flag of understudy proxy; see understudy proxy --help"],
  [["--outbound", ":1", "ls"], run, "--outbound: no such flag of understudy run; see understudy run --help"],
  [["--listen"], proxy, "--listen: expected a value, as in --listen=VALUE"],
  [["--mode"], run, "--mode: expected a value, as in --mode=VALUE"],
  [["now"], proxy, '"now": understudy proxy expects flags alone; see understudy proxy --help'],
  [["--", "now"], proxy, '"now": understudy proxy expects flags alone; see understudy proxy --help'],
];

test("command line: each slip is told with what was probably meant", async () => {
  for (const [args, spec, message] of slips) {
    await assert.rejects(read(args, spec), (error) => {
      assert.ok(error instanceof UnderstudyError);
      assert.equal(error.message, message);
      assert.equal(error.code, "usage");
      return true;
    });
  }
});

test("command line: wrong values are named by the flag that holds them", async () => {
  await assert.rejects(read(["--listen", "x"], proxy), {
    message: '--listen: expected an address such as 127.0.0.1:8080, got "x"',
    code: "bad_config",
  });
  await assert.rejects(read(["--listen", "--quiet"], proxy), {
    message: '--listen: expected an address such as 127.0.0.1:8080, got "--quiet"',
  });
  await assert.rejects(read(["--quiet=perhaps"], proxy), {
    message: '--quiet: expected true or false, got "perhaps"',
  });
  await assert.rejects(
    read(["--config", "none.yaml"], proxy),
    /^UnderstudyError: --config: expected a file that can be read: ENOENT/,
  );
});

test("command line: lists grow, and of two places of rules none is dropped", async () => {
  const hosts = ["--insecure-upstream", "a.test", "--insecure-upstream", "b.test,c.test"];
  const { config } = await read([...hosts, "--", "true"]);
  assert.deepEqual(config.tls.insecureUpstream, ["a.test", "b.test", "c.test"]);
  assert.equal((await read(["--rules", "a.yaml", "--rules", "a.yaml", "true"])).config.rules, "a.yaml");
  await assert.rejects(read(["--rules", "a.yaml", "--rules=b.yaml", "true"]), {
    code: "usage",
    message: '--rules: expected one file or folder, got "a.yaml" and "b.yaml"; a folder may hold many files',
  });
});
