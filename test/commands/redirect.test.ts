// `understudy redirect`: what it asks of nft, what it prints, what it refuses.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Shell } from "../../src/commands/command.ts";
import { redirect, runRedirect } from "../../src/commands/redirect.ts";
import { type NftResult, systemNft } from "../../src/proxy/accept/redirect/apply.ts";

const up = ["up", "--uid", "1"] as const;
const fine: NftResult = { code: 0, stdout: "", stderr: "" };

async function call(args: readonly string[], result: NftResult = fine) {
  const calls: { args: readonly string[]; input: string }[] = [];
  let stdout = "";
  const shell: Shell = {
    env: {},
    cwd: "/",
    stdout: { isTTY: false, write: (text) => (stdout += text) },
    stderr: { isTTY: false, write: () => undefined },
    uid: 0,
    gid: 0,
    pid: 1,
    execPath: "node",
    onSignal: () => () => undefined,
  };
  const code = await runRedirect(args, shell, async (args, input) => {
    calls.push({ args, input });
    return result;
  });
  return { code, stdout, calls };
}

describe("redirect", () => {
  test("up installs the program, which --json gives back", async () => {
    const { code, stdout, calls } = await call(["up", "--uid", "1337", "--json"]);
    assert.equal(code, 0);
    assert.deepEqual(calls[0]?.args, ["-f", "-"]);
    assert.deepEqual(JSON.parse(stdout), { action: "up", installed: true, program: calls[0]?.input });
  });

  test("down removes it, and says where there was nothing to remove", async () => {
    const { stdout, calls } = await call(["down"]);
    assert.equal(stdout, "redirection removed\n");
    assert.equal(calls.at(-1)?.input, "add table inet understudy\ndelete table inet understudy\n");
    const none = await call(["down"], { code: 1, stdout: "", stderr: "Error: No such file or directory" });
    assert.deepEqual([none.code, none.stdout], [0, "no redirection is installed\n"]);
    const { stdout: answer } = await call(["down", "--json"]);
    assert.deepEqual(JSON.parse(answer), { action: "down", installed: false, removed: true });
  });

  test("--dry-run prints and runs nothing", async () => {
    for (const action of ["up", "show"]) {
      const { stdout, calls } = await call([action, "--uid", "7", "--dry-run", "--outbound-port", "9"]);
      assert.equal(calls.length, 0);
      assert.match(stdout, /meta skuid 7 return[\s\S]*redirect to :9\n/);
    }
    assert.match((await call(["down", "--dry-run"])).stdout, /^add table/);
  });

  test("show prints what is in force, and fails where nothing is", async () => {
    const there = await call(["show"], { ...fine, stdout: "table inet understudy {}\n" });
    assert.deepEqual([there.code, there.stdout], [0, "table inet understudy {}\n"]);
    const none = await call(["show"], { code: 1, stdout: "", stderr: "Error: No such file or directory" });
    assert.deepEqual([none.code, none.stdout], [1, "no redirection is installed\n"]);
  });

  test("SSH and the admin port stay reachable unless inbound ports are named", async () => {
    assert.match(
      (await call(["show", "--uid", "7", "--dry-run"])).stdout,
      /\{ 22, 7946, 15001, 15006, 15090 \}/,
    );
    const named = await call(["show", "--uid", "7", "--dry-run", "--include-inbound-ports", "22"]);
    assert.match(named.stdout, /\{ 15001, 15006 \} return\n {4}tcp dport != \{ 22 \} return/);
  });

  test("the gossip port is left alone, also where inbound ports are named", async () => {
    const named = [
      "show",
      "--uid",
      "7",
      "--dry-run",
      "--include-inbound-ports",
      "22",
      "--gossip-port",
      "7000",
    ];
    assert.match((await call(named)).stdout, /\{ 7000, 15001, 15006 \} return/);
    const off = await call(["show", "--uid", "7", "--dry-run", "--gossip-port", "off"]);
    assert.match(off.stdout, /\{ 22, 15001, 15006, 15090 \}/);
    await assert.rejects(call(["up", "--uid", "7", "--gossip-port", "x"]), { code: "bad_config" });
  });

  test("a user may be given by name", async () => {
    assert.match((await call(["up", "--uid", "root", "--dry-run"])).stdout, /meta skuid 0 return/);
  });

  for (const [why, args, message] of [
    ["no user", ["up"], /--uid: expected the user that the sidecar runs as/],
    ["an unknown user", ["up", "--uid", "no-such-user"], /--uid: expected a user id, or a name/],
    [
      "a port that is none",
      ["up", "--uid", "1", "--inbound-port", "x"],
      /--inbound-port: expected a port or off/,
    ],
    [
      "one port for both",
      ["up", "--uid", "1", "--inbound-port", "15001"],
      /--inbound-port: expected a port of its own/,
    ],
    ["a mark that is none", ["up", "--uid", "1", "--mark", "red"], /--mark: expected a number/],
    ["an action that is none", ["sideways"], /redirect: expected up, down or show, got "sideways"/],
    ["no action", [], /got nothing/],
    [
      "nothing to redirect",
      [...up, "--outbound-port", "off", "--inbound-port", "off"],
      /a port, since --out/,
    ],
    ["a user id that none has", ["up", "--uid", "4294967295"], /--uid: expected a user id, or a name/],
    ["a flag that is none", ["up", "--frob"], /^--frob: no such flag of understudy redirect; see/],
    ["a flag with a slip", [...up, "--exclude-port", "1"], /did you mean --exclude-ports\?/],
    ["a flag without its value", ["up", "--uid"], /^--uid: expected a value, as in --uid=VALUE$/],
    ["a flag where a value belongs", ["up", "--uid", "--json"], /--uid=VALUE, got the flag --json$/],
    ["a value that is not wanted", [...up, "--json=yes"], /^--json: expected no value, got "yes"$/],
  ] as const) {
    test(`refuses ${why}`, async () => {
      await assert.rejects(call(args), { message });
    });
  }

  for (const [why, result, message] of [
    [
      "no right",
      { code: 1, stdout: "", stderr: "Operation not permitted (you must be root)" },
      /it needs root/,
    ],
    ["no nft", { code: null, stdout: "", stderr: "" }, /nft is not installed \(package nftables\)/],
    ["a program that nft refuses", { code: 1, stdout: "", stderr: "syntax error\n" }, /: syntax error$/],
  ] as const) {
    test(`says that there is ${why}`, async () => {
      await assert.rejects(call(["up", "--uid", "1"], result), { code: "redirect_failed", message });
    });
  }

  test("nft that cannot be found is told apart from nft that fails", async () => {
    const found = await systemNft("/nowhere")(["--version"], "");
    assert.ok(found.code === 0 || found.code === null);
    assert.match(redirect.help, /--uid USER/);
  });
});
