// `understudy redirect`: what it asks of nft, what it prints, what it refuses.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Shell } from "../../src/commands/command.ts";
import { redirect, runRedirect } from "../../src/commands/redirect.ts";
import { type Nft, type NftResult, systemNft } from "../../src/proxy/accept/redirect/apply.ts";

const up = ["up", "--uid", "1"] as const;
const fine: NftResult = { code: 0, stdout: "", stderr: "" };

const table = (rule: string) => `table inet understudy {\n\tchain outbound {\n\t\t${rule}\n\t}\n}\n`;
const inForce: NftResult = { ...fine, stdout: table("counter packets 0 bytes 0 redirect to :15001") };
const carrying: NftResult = { ...fine, stdout: table("ct status dnat tcp dport { 15001, 15006 } return") };

/** A line of /proc/net/tcp. */
const socket = (port: number, state: "01" | "06" | "0A", inode = 4711) =>
  `   0: 0100007F:${port.toString(16).toUpperCase()} 0200007F:A996 ${state} 00000000:00000000 00:00000000 00000000  1337        0 ${inode} 1\n`;
const listening = socket(15_001, "0A") + socket(15_006, "0A");

async function call(args: readonly string[], result: NftResult = fine, sockets = listening) {
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
  const nft: Nft = async (args, input) => {
    calls.push({ args, input });
    return result;
  };
  const code = await runRedirect(args, shell, nft, () => ["", sockets]);
  return { code, stdout, calls };
}

describe("redirect", () => {
  test("up installs the program, which --json gives back", async () => {
    const { code, stdout, calls } = await call(["up", "--uid", "1337", "--json"]);
    assert.equal(code, 0);
    assert.deepEqual(calls.at(-1)?.args, ["-f", "-"]);
    const program = calls.at(-1)?.input;
    assert.deepEqual(JSON.parse(stdout), { action: "up", installed: true, program, unheardPorts: [] });
  });

  test("up and show say where nobody listens yet, or no longer", async () => {
    const refused = "redirected connections are refused until a sidecar does\n";
    const { stdout } = await call(["up", "--uid", "1337"], fine, "");
    assert.equal(stdout, `redirection installed\n# nobody listens on ports 15001 and 15006: ${refused}`);
    const shown = await call(["show"], inForce, socket(15_006, "0A"));
    assert.equal(shown.stdout, `${inForce.stdout}# nobody listens on port 15001: ${refused}`);
    const { stdout: answer } = await call(["show", "--json"], inForce, "");
    assert.deepEqual(JSON.parse(answer).unheardPorts, [15_001]);
  });

  test("down removes it, and says where there was nothing to remove", async () => {
    const { stdout, calls } = await call(["down"], inForce);
    assert.equal(stdout, "redirection removed\n");
    assert.equal(calls.at(-1)?.input, "add table inet understudy\ndelete table inet understudy\n");
    const none = await call(["down"], { code: 1, stdout: "", stderr: "Error: No such file or directory" });
    assert.deepEqual([none.code, none.stdout], [0, "no redirection is installed\n"]);
    const { stdout: answer } = await call(["down", "--json"], inForce);
    const expected = { action: "down", installed: false, removed: true, openConnections: 0 };
    assert.deepEqual(JSON.parse(answer), expected);
  });

  test("down redirects nothing new before it counts, and leaves what carries open connections", async () => {
    const sockets = listening + socket(15_001, "01") + socket(15_001, "06", 0) + socket(8000, "01");
    const { code, stdout, calls } = await call(["down"], inForce, sockets);
    assert.equal(code, 0);
    assert.deepEqual(
      calls.map(({ args }) => args[0]),
      ["list", "-f"],
    );
    assert.match(calls[1]?.input ?? "", /ct status dnat tcp dport \{ 15001 \} return/);
    assert.ok(!calls[1]?.input.includes("redirect"));
    assert.match(
      stdout,
      /^redirection removed\n1 connection from before still passes through the sidecar;\n/,
    );
  });

  test("up to other ports carries on what is open at the earlier ones, and down counts it", async () => {
    const other = ["up", "--uid", "7", "--outbound-port", "15011", "--inbound-port", "15016"];
    const sockets = socket(15_006, "01") + socket(15_011, "0A") + socket(15_016, "0A");
    const { stdout, calls } = await call(other, carrying, sockets);
    assert.equal(stdout, "redirection installed\n");
    const program = calls.at(-1)?.input ?? "";
    assert.match(program, /redirect to :15011[\s\S]*ct status dnat tcp dport \{ 15006 \} return/);
    const down = await call(["down"], { ...fine, stdout: program }, sockets);
    assert.match(down.calls.at(-1)?.input ?? "", /dport \{ 15011, 15016, 15006 \} return/);
    assert.match(down.stdout, /\n1 connection from before still passes/);
  });

  test("down once more removes the table that carried, when nothing is open any more", async () => {
    const still = await call(["down"], carrying, socket(15_006, "01") + socket(15_001, "01"));
    assert.match(still.stdout, /^no redirection is installed\n2 connections from before still pass/);
    assert.deepEqual(
      still.calls.map(({ args }) => args[0]),
      ["list"],
    );
    const last = await call(["down"], carrying);
    assert.equal(last.stdout, "redirection removed\n");
    assert.equal(last.calls.at(-1)?.input, "add table inet understudy\ndelete table inet understudy\n");
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
    const there = await call(["show"], inForce);
    assert.deepEqual([there.code, there.stdout], [0, inForce.stdout]);
    const none = await call(["show"], { code: 1, stdout: "", stderr: "Error: No such file or directory" });
    assert.deepEqual([none.code, none.stdout], [1, "no redirection is installed\n"]);
    const left = await call(["show"], carrying, socket(15_001, "01"));
    assert.equal(left.code, 1);
    assert.match(left.stdout, /^no redirection is installed\n1 connection from before still passes/);
  });

  test("SSH and the admin port stay reachable unless inbound ports are named", async () => {
    assert.match(
      (await call(["show", "--uid", "7", "--dry-run"])).stdout,
      /\{ 22, 7946, 15001, 15006, 15090 \}/,
    );
    const named = await call(["show", "--uid", "7", "--dry-run", "--include-inbound-ports", "22"]);
    assert.match(named.stdout, /\{ 15001, 15006 \} return\n {4}tcp dport != \{ 22 \} return/);
  });

  test("SSH and the admin port stay reachable beside ports that are excluded", async () => {
    const { stdout } = await call(["up", "--uid", "7", "--dry-run", "--exclude-inbound-ports", "8081"]);
    assert.match(stdout, /\{ 22, 7946, 8081, 15001, 15006, 15090 \} return/);
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
