// The commands of stores as a user sees them, on real servers: texts, JSON, exit codes, leases, secrets.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Command } from "../../src/commands/command.ts";
import { rulesApply } from "../../src/commands/rules-apply.ts";
import { rulesDiff } from "../../src/commands/rules-diff.ts";
import { rulesGet } from "../../src/commands/rules-get.ts";
import { rulesHistory } from "../../src/commands/rules-history.ts";
import { rulesLs } from "../../src/commands/rules-ls.ts";
import { rulesRm } from "../../src/commands/rules-rm.ts";
import { rulesRollback } from "../../src/commands/rules-rollback.ts";
import { Presence } from "../../src/control/rules/registry/members.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { fakeShell } from "../support/fake-shell.ts";
import { eventually, lacks, type StoreCluster, startCluster } from "../support/store-servers.ts";

const cwd = mkdtempSync(join(tmpdir(), "understudy-stores-"));
after(() => rmSync(cwd, { recursive: true, force: true }));
const never = new AbortController().signal;

function write(name: string, ...rules: readonly object[]): void {
  writeFileSync(join(cwd, name), JSON.stringify({ version: 1, rules }));
}
const rule = (name: string, status: number) => ({ name, respond: { status } });
write("one.json", rule("a", 201), rule("b", 202));
write("two.json", rule("a", 203), rule("c", 204));
write("mine.json", rule("mine", 205));
write("bad.json", { name: "a", respond: { status: 7 } });
write("file.json", { name: "a", respond: { file: "body.txt" } });
writeFileSync(join(cwd, "body.txt"), "hi");

async function run(command: Command, ...args: readonly string[]) {
  const shell = fakeShell({ cwd, env: { USER: "alice" } });
  const outcome = await command.run(args, shell).then(
    (code) => ({ code, error: "" }),
    (thrown) => ({ code: String(thrown.code), error: String(thrown.message) }),
  );
  return { ...outcome, out: shell.out(), err: shell.err() };
}

for (const kind of ["consul", "etcd"] as const) {
  const skip = lacks(kind);
  const shared: Promise<StoreCluster> = skip ? new Promise(() => undefined) : startCluster(kind, 1);
  after(async () => {
    if (!skip) await (await shared).close();
  });
  const at = async (prefix: string) => ["--store", `${(await shared).url}/${prefix}/rules`];

  test(`${kind}: rules apply, diff, ls, get, rm, history, rollback`, { skip }, async () => {
    const store = await at("all");
    assert.match((await run(rulesLs, ...store)).out, /^no rules\n$/);
    assert.match((await run(rulesHistory, ...store)).out, /^nothing was applied yet\n$/);
    const first = await run(rulesApply, "one.json", ...store);
    assert.equal(
      first.out,
      "+ a\n+ b\nversion 1 is in force: 2 added, 0 removed, 0 changed, 0 as they were\n",
    );
    assert.equal(first.code, 0);
    assert.match((await run(rulesApply, "one.json", ...store)).out, /^version 1 has these rules already\n$/);
    const diff = await run(rulesDiff, "two.json", ...store);
    assert.equal(diff.code, 1);
    assert.match(
      diff.out,
      /^- b\n\+ c\n~ a\n[\s\S]* {4}- {4}"status": 201\n {4}\+ {4}"status": 203\n[\s\S]*1 added, 1 removed, 1 changed/,
    );
    const dry = await run(rulesApply, "two.json", "--dry-run", ...store);
    assert.match(dry.out, /would be: 1 added, 1 removed, 1 changed/);
    const second = await run(rulesApply, "two.json", "--json", ...store);
    const told = JSON.parse(second.out);
    assert.ok(told.index > 0);
    assert.deepEqual(
      { ...told, index: 0 },
      {
        applied: true,
        version: 2,
        index: 0,
        added: ["c"],
        removed: ["b"],
        changed: ["a"],
        same: 0,
        reordered: false,
      },
    );
    assert.match(
      (await run(rulesLs, ...store)).out,
      /^NAME {2}FOR {7}FROM {5}DETAIL\na +everyone +applied +version 2 by alice@/,
    );
    assert.deepEqual(JSON.parse((await run(rulesGet, "c", ...store)).out), rule("c", 204));
    assert.equal((await run(rulesGet, "nope", ...store)).code, "not_found");
    assert.equal((await run(rulesRm, "c", ...store)).out, "c is removed\n");
    assert.equal((await run(rulesRm, "c", ...store)).code, "not_found");
    const back = await run(rulesRollback, "1", ...store);
    assert.match(back.out, /version 4 is in force, as version 1 was: 1 added, 0 removed, 1 changed/);
    const history = JSON.parse((await run(rulesHistory, "--json", ...store)).out) as {
      version: number;
      reason: string;
    }[];
    assert.deepEqual(
      history.map(({ version, reason }) => `${version} ${reason}`),
      ["4 rollback to 1", "3 rm c", "2 apply", "1 apply"],
    );
    assert.match(
      (await run(rulesRollback, "77", ...store)).error,
      /version 77: no such version; there are 1, 2, 3, 4/,
    );
  });

  test(`${kind}: what is wrong is refused before anything is written`, { skip }, async () => {
    const store = await at("wrong");
    const bad = await run(rulesApply, "bad.json", ...store);
    assert.equal(bad.code, "bad_rules");
    assert.match(bad.error, /^bad\.json:1: rules\[0\]\.respond\.status: expected a final status/);
    assert.match(
      (await run(rulesApply, "file.json", ...store)).error,
      /expected an absolute path of a file that every sidecar has/,
    );
    assert.equal((await run(rulesApply, "one.json", "--expect", "3", ...store)).code, "store_conflict");
    assert.equal(
      (await run(rulesApply, "one.json", "--timeout", "soon", "--wait", ...store)).code,
      "bad_config",
    );
    assert.equal((await run(rulesApply, ...store)).code, "usage");
    assert.equal((await run(rulesApply, "one.json")).code, "bad_config");
    assert.equal((await run(rulesApply, "one.json", "--service", "a/b", ...store)).code, "bad_config");
    const secret = await run(rulesApply, "one.json", "--store", `${kind}://me:s3cret@127.0.0.1:1`);
    assert.equal(secret.code, "bad_config");
    assert.doesNotMatch(secret.error, /s3cret/);
  });

  test(`${kind}: rules for a service stand beside those for everyone`, { skip }, async () => {
    const store = await at("who");
    await run(rulesApply, "one.json", ...store);
    const twin = await run(rulesApply, "two.json", "--service", "pay", ...store);
    assert.match(twin.error, /a: expected a name of its own, but who\/rules\/\.applied\/manifest has it too/);
    assert.equal((await run(rulesApply, "mine.json", "--service", "pay", ...store)).code, 0);
    assert.match((await run(rulesLs, ...store)).out, /mine {2}service pay {2}applied/);
    assert.doesNotMatch((await run(rulesLs, "--service", "pay", ...store)).out, /everyone/);
  });

  test(`${kind}: --wait tells who lags, and why`, { skip }, async (context) => {
    const store = await at("wait");
    const client = await (await shared).client();
    const stop = new AbortController();
    let index = 0;
    const describe = () => ({
      ...{ name: "slow", service: null, namespace: null, revision: "r", index, problem: "bad rule" },
      ...{ startedAtMs: 0, atMs: 0 },
    });
    const deps = { clock: systemClock, random: systemRandom };
    const presence = new Presence({ store: client, key: "wait/members/slow", describe }, deps);
    const keeping = presence.keep(stop.signal);
    context.after(async () => {
      stop.abort();
      await keeping;
      client.close();
    });
    await eventually(
      "it is there",
      async () => (await client.read("wait/members/", never)).keys.length === 1,
    );
    const lagging = await run(rulesApply, "one.json", "--wait", "--timeout", "300ms", ...store);
    assert.equal(lagging.code, 1);
    assert.equal(lagging.err, "0/1 sidecars, waiting for slow\n  slow: bad rule\n");
    index = Number.MAX_SAFE_INTEGER;
    presence.changed();
    const done = await run(rulesApply, "two.json", "--wait", "--json", ...store);
    assert.equal(done.code, 0);
    assert.deepEqual(JSON.parse(done.out).sidecars, { done: 1, total: 1, laggards: [] });
  });

  test(`${kind}: leased rules are there while the command runs`, { skip }, async () => {
    const store = await at("lease");
    const shell = fakeShell({ cwd, env: { USER: "alice" } });
    const running = rulesApply.run(["mine.json", "--lease", "20s", ...store], shell);
    await shell.seen("out", /in force while this runs, and at most 20s longer: mine\n/);
    assert.match((await run(rulesLs, ...store)).out, /mine {2}everyone {2}lease {2}while alice@/);
    assert.equal((await run(rulesApply, "mine.json", ...store)).code, "bad_rules", "the name is taken");
    shell.send("SIGINT");
    assert.equal(await running, 0);
    assert.match((await run(rulesLs, ...store)).out, /^no rules\n$/);
    assert.match(
      (await run(rulesApply, "mine.json", "--lease=1s", ...store)).error,
      /--lease: expected at least/,
    );
  });
}

test("rules apply: a store that is not there is told", async () => {
  const { code, error } = await run(rulesApply, "one.json", "--store", "consul://127.0.0.1:1");
  assert.equal(code, "store_unavailable");
  assert.match(error, /^consul:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
});
