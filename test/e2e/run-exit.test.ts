// The command's exit code, signals and stdio, as if nobody stood between.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { noNamespaces, startUnderstudy, understudy, users } from "../support/understudy-process.ts";

describe("run: exit codes and signals", { skip: noNamespaces }, () => {
  for (const user of users) {
    const { skip } = user;

    test(`the exit code passes through, as ${user.name}`, { skip }, async () => {
      const { code, stdout } = await understudy(["run", "--quiet", "--", "sh", "-c", "echo out; exit 7"], {
        user,
      });
      assert.deepEqual({ code, stdout }, { code: 7, stdout: "out\n" });
    });

    test(`a death by signal is 128 + its number, as ${user.name}`, { skip }, async () => {
      assert.equal((await understudy(["run", "--", "sh", "-c", "kill -USR1 $$"], { user })).code, 138);
    });

    test(`a signal reaches the command, which may handle it, as ${user.name}`, { skip }, async () => {
      const script = "trap 'echo caught; exit 9' USR2; echo ready; while :; do sleep 0.02; done";
      const running = startUnderstudy(["run", "--", "sh", "-c", script], { user });
      await running.seen("stdout", "ready");
      running.process.kill("SIGUSR2");
      const { code, stdout } = await running.finished;
      assert.deepEqual({ code, stdout }, { code: 9, stdout: "ready\ncaught\n" });
    });

    test(`a signal to the whole group is delivered once, as ${user.name}`, { skip }, async () => {
      const running = startUnderstudy(["run", "--", process.execPath, "-e", countInterrupts], {
        user,
        group: true,
      });
      await running.seen("stdout", "ready");
      process.kill(-running.pid, "SIGINT");
      await running.seen("stdout", "interrupt 1");
      process.kill(-running.pid, "SIGTERM");
      const { stdout, code } = await running.finished;
      assert.equal(stdout, "ready\ninterrupt 1\nlast: 1\n");
      assert.equal(code, 4);
    });

    test(`the command keeps its ids, and has no process but its own around it, as ${user.name}`, {
      skip,
    }, async () => {
      const plain = spawn(
        user.prefix[0] ?? "id",
        user.prefix.length > 0 ? [...user.prefix.slice(1), "id", "-u"] : ["-u"],
      );
      const [text] = (await once(plain.stdout, "data")) as [Buffer];
      const { stdout } = await understudy(["run", "--", "id", "-u"], { user });
      assert.equal(stdout, text.toString());
    });
  }

  test("a missing command is 127, one that cannot run 126, each with its line", async () => {
    const missing = await understudy(["run", "--", "no-such-command-here"]);
    assert.deepEqual(
      [missing.code, missing.stderr],
      [127, "understudy: no-such-command-here: command not found\n"],
    );
    const folder = await understudy(["run", "--", "/"]);
    assert.deepEqual([folder.code, folder.stderr], [126, "understudy: /: is a directory\n"]);
  });

  test("rules that are given behind the command are the command's, which is told", async () => {
    const { stdout, stderr } = await understudy(["run", "--mode", "env", "echo", "hi", "--rules=r.yaml"]);
    assert.equal(stdout, "hi --rules=r.yaml\n");
    const hint =
      "--rules behind echo is a flag of echo; flags of ours stand before it: run --rules FILE -- echo …";
    assert.ok(stderr.startsWith(`understudy: ${hint}\n`), stderr);
  });

  test("rules of another one inside are no news", async () => {
    const other = ["echo", "npx", "understudy", "run", "--rules", "r.yaml", "--", "true"];
    const { stderr } = await understudy(["run", "--mode", "env", ...other]);
    assert.doesNotMatch(stderr, /--rules/);
  });
});

const countInterrupts = `
let interrupts = 0;
process.on("SIGINT", () => console.log("interrupt " + ++interrupts));
process.on("SIGTERM", () => setTimeout(() => { console.log("last: " + interrupts); process.exit(4); }, 200));
setInterval(() => {}, 1000);
console.log("ready");`;
