// /readyz while the newest rules are wrong or gone: why, and what holds meanwhile.

import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { startSidecar } from "../../src/sidecar/sidecar.ts";

const loopback = { host: "127.0.0.1", port: 0 };
const rule = (name: string) => `{name: ${name}, fault: {abort: {httpStatus: 503}}}`;

interface Ready {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  readonly details?: readonly string[];
}

/** A sidecar with that rules file; how its file is replaced or removed, and what it says until it says so. */
async function withRules(t: TestContext, text: string) {
  const folder = mkdtempSync(join(tmpdir(), "understudy-ready-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "rules.yaml");
  const write = (content: string) => {
    writeFileSync(`${file}.new`, content);
    renameSync(`${file}.new`, file);
  };
  write(text);
  const sidecar = await startSidecar(
    {
      settings: defaultSettings,
      listeners: [{ kind: "bind", address: loopback, mode: { kind: "proxy" } }],
      admin: loopback,
      rules: file,
      whenRulesAreBad: "relay",
      taps: [],
    },
    { clock: systemClock, random: systemRandom },
  );
  t.after(() => sidecar.close());
  const look = async () => {
    const reply = await fetch(`http://127.0.0.1:${sidecar.adminAddress?.port}/readyz`);
    return (await reply.json()) as Ready;
  };
  const until = async (ready: boolean): Promise<Ready> => {
    const end = performance.now() + 20_000;
    for (;;) {
      const state = await look();
      if (state.ready === ready) return state;
      assert.ok(performance.now() < end, `not within 20 s: ready: ${ready}`);
      await pause(20);
    }
  };
  return { write, remove: () => rmSync(file), look, until };
}

test("readyz: while the newest rules are wrong or gone it tells how many from before stay in force", async (t) => {
  const { write, remove, look, until } = await withRules(
    t,
    `version: 1\nrules: [${rule("a")}, ${rule("b")}]\n`,
  );
  assert.deepEqual(await look(), { ready: true, reasons: [] });
  remove();
  const gone = await until(false);
  assert.match(gone.reasons.join(), /got nothing there \(ENOENT\)/);
  assert.deepEqual(gone.details, ["rules: 2 from before stay in force"]);
  write(`version: 1\nrules: [${rule("a")}]\n`);
  await until(true);
  write("version: 1\nrules: [{name: a, respnd: {}}]\n");
  assert.deepEqual((await until(false)).details, ["rules: 1 from before stays in force"]);
});

test("readyz: where rules are wrong from the start it tells that everything is relayed", async (t) => {
  const { look } = await withRules(t, "version: 1\nrules: [{}]\n");
  const { ready, details } = await look();
  assert.deepEqual([ready, details], [false, ["rules: none are in force, everything is relayed"]]);
});
