// Log lines to a descriptor: they arrive whole, a slow reader costs lines and not memory, a gone one costs nothing.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs, { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openLogDestination } from "../../src/commands/log-destination.ts";
import { systemClock } from "../../src/core/clock.ts";

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "understudy-test-"));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

test("log destination: lines arrive in order, all of them by the time it is closed", async (context) => {
  const path = join(folder(context), "log");
  const fd = openSync(path, "w");
  const destination = openLogDestination(fd, systemClock);
  for (let index = 0; index < 1_000; index++) destination.write(`line ${index}\n`);
  await destination.close();
  const lines = readFileSync(path, "utf8").trim().split("\n");
  assert.equal(lines.length, 1_000);
  assert.equal(lines[999], "line 999");
});

test("log destination: for a reader that does not read, lines are dropped and the log says how many", async (context) => {
  const path = join(folder(context), "pipe");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const destination = openLogDestination(
    openSync(path, constants.O_WRONLY | constants.O_NONBLOCK),
    systemClock,
  );
  const line = `${"x".repeat(1_023)}\n`;
  for (let index = 0; index < 3_000; index++) destination.write(line);
  const buffer = Buffer.alloc(65_536);
  let text = "";
  const drain = () => {
    for (;;) {
      try {
        const count = readSync(reading, buffer);
        if (count === 0) return;
        text += buffer.toString("latin1", 0, count);
      } catch {
        return; // nothing there at present
      }
    }
  };
  while (!text.includes('"dropped"')) {
    drain();
    destination.write("later\n");
    await new Promise((resolve) => setImmediate(resolve));
  }
  closeSync(reading);
  await destination.close();
  const dropped = Number(/"dropped":(\d+)/.exec(text)?.[1]);
  assert.ok(dropped > 1_500 && dropped < 3_000, String(dropped));
});

test("log destination: a disk that is full for a while is told, and costs no line that fits into memory", async (context) => {
  const path = join(folder(context), "log");
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const real = fs.write;
  let failures = 0;
  let isFull = true;
  const fake = (...args: unknown[]) => {
    if (!isFull) return Reflect.apply(real, fs, args);
    failures++;
    setImmediate(() => (args.at(-1) as (error: Error) => void)(full));
  };
  context.mock.method(fs, "write", fake);
  const told: (string | null)[] = [];
  const destination = openLogDestination(openSync(path, "w"), systemClock, (reason) => told.push(reason));
  for (let index = 0; failures < 3; index++) {
    destination.write(`line ${index}\n`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  isFull = false;
  destination.write("last\n");
  await destination.close();
  const text = readFileSync(path, "utf8");
  assert.match(text, /^line 0\nline 1\n[\s\S]*last\n$/);
  assert.deepEqual(told, [full.message, null]);
});

test("log destination: a reader that has gone is no error", async (context) => {
  const path = join(folder(context), "pipe");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const destination = openLogDestination(openSync(path, constants.O_WRONLY), systemClock);
  closeSync(reading);
  for (let index = 0; index < 10; index++) {
    destination.write("line\n");
    await new Promise((resolve) => setImmediate(resolve));
  }
  await destination.close();
});
