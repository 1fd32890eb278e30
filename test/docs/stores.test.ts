// The examples of docs/stores.md, run as they stand there, but for the addresses, against real servers.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { commandEntries } from "../../src/commands/entries.ts";
import { findCommand } from "../../src/commands/help.ts";
import { allOptions, flagOf } from "../../src/control/config/options.ts";
import { StoredParser } from "../../src/control/rules/registry/parse-stored.ts";
import { systemClock } from "../../src/core/clock.ts";
import { formatProblem } from "../../src/core/rule-source.ts";
import { fakeShell } from "../support/fake-shell.ts";
import { lacks, programs, type StoreKind, startCluster } from "../support/store-servers.ts";
import { understudy } from "../support/understudy-process.ts";

const page = readFileSync(new URL("../../docs/stores.md", import.meta.url), "utf8");
const never = new AbortController().signal;
const cwd = mkdtempSync(join(tmpdir(), "understudy-docs-"));
after(() => rmSync(cwd, { recursive: true, force: true }));
for (const file of ["mocks.yaml", "faults.yaml", "mine.yaml"])
  writeFileSync(join(cwd, file), `version: 1\nrules: [{name: of-${file}, respond: {status: 204}}]\n`);

/** Words of the command lines of the page that begin so; `at`: the store in place of the one that they name. */
function linesOf(beginning: string, at: string): readonly (readonly string[])[] {
  const lines = [...page.matchAll(/^ {4}understudy (.*)$/gm)].map(([, line = ""]) => line);
  const found = lines.filter((line) => line.startsWith(beginning));
  assert.notEqual(found.length, 0, beginning);
  return found.map((line) => line.replace(/(?:consul|etcd):\/\/\S+/, at).split(" "));
}

/** The block of the page that begins with that text, without its indentation. */
function blockOf(beginning: string): string {
  const start = page.indexOf(`    ${beginning}`);
  assert.notEqual(start, -1, beginning);
  const [block = ""] = page.slice(start).split(/\n(?! {4})/);
  return block.replace(/^ {4}/gm, "");
}

async function openStore(kind: StoreKind) {
  const cluster = await startCluster(kind, 1);
  const store = await cluster.client();
  return {
    url: cluster.url,
    address: `127.0.0.1:${cluster.servers[0]?.port}`,
    keys: async () => (await store.read("understudy/", never)).keys.map(({ key }) => key),
    async [Symbol.asyncDispose]() {
      store.close();
      await cluster.close();
    },
  };
}

async function run(words: readonly string[]) {
  const shell = fakeShell({ cwd, env: { USER: "alice" } });
  const { entry, args } = findCommand(words, commandEntries);
  const code = await (await entry.load()).run(args, shell);
  return { code, out: shell.out() };
}

for (const kind of ["consul", "etcd"] as const) {
  const skip = lacks(kind);

  test(`${kind}: the lines that apply do, a lease ends with its command, and the keys are as the page says`, {
    skip,
  }, async () => {
    await using store = await openStore(kind);
    const [[...plain] = [], [...leased] = []] = linesOf("rules apply", store.url);
    assert.equal((await run(plain)).code, 0);
    writeFileSync(join(cwd, "again.yaml"), "version: 1\nrules: [{name: again, respond: {status: 205}}]\n");
    assert.equal((await run(plain.with(2, "again.yaml"))).code, 0);
    const shell = fakeShell({ cwd, env: { USER: "alice" } });
    const { entry, args } = findCommand(leased, commandEntries);
    const running = (await entry.load()).run(args, shell);
    await shell.seen("out", /in force while this runs, and at most 20s longer: of-faults\.yaml/);
    const keys = await store.keys();
    const told = [...blockOf("understudy/rules/NAME").matchAll(/^(understudy\S+)/gm)].map(
      ([, key = ""]) => key,
    );
    const patterns = told.map((key) =>
      key.replaceAll(".", "\\.").replace(/NAME@DIGEST|NAME|ID|…/g, (part) => (part === "…" ? ".+" : "[^/]+")),
    );
    for (const key of keys)
      assert.ok(
        patterns.some((pattern) => new RegExp(`^${pattern}$`).test(key)),
        key,
      );
    for (const part of [".applied/manifest", ".applied/rules/again@", ".leased/", "history/"])
      assert.ok(
        keys.some((key) => key.includes(part)),
        part,
      );
    shell.send("SIGINT");
    assert.equal(await running, 0);
    assert.ok(!(await store.keys()).some((key) => key.includes(".leased/")));
  });

  test(`${kind}: a command runs with the rules of both the store and a file`, { skip }, async () => {
    await using store = await openStore(kind);
    await run(["rules", "apply", "mocks.yaml", "--store", store.url]);
    for (const words of linesOf("run", store.url)) {
      const program = ["--", process.execPath, "-e", "0"];
      const { code, stderr } = await understudy([...words.slice(0, words.indexOf("--")), ...program], {
        cwd,
        env: { XDG_STATE_HOME: cwd },
      });
      assert.equal(code, 0, stderr);
      assert.match(stderr, /2 rules/);
    }
  });
}

test("a rule put by hand with consul's own client is a rule", { skip: lacks("consul") }, async () => {
  await using store = await openStore("consul");
  const put = spawnSync("sh", ["-c", blockOf("consul kv put")], {
    env: { PATH: `${dirname(programs.consul)}:${process.env.PATH}`, CONSUL_HTTP_ADDR: store.address },
    encoding: "utf8",
  });
  assert.equal(put.status, 0, put.stderr);
  assert.match((await run(["rules", "ls", "--store", store.url])).out, /declined-charge {2}everyone/);
  const { out } = await run(["rules", "get", "declined-charge", "--store", store.url]);
  const stored = { place: "k", name: "declined-charge", text: out, leaseMs: null };
  assert.deepEqual((await new StoredParser(systemClock).parse([stored], never)).problems, []);
});

test("what is wrong is told with key and line, in the words of the page", async () => {
  const place = "understudy/rules/slow";
  const text = "matches: [{path: /search}]\nfault: {delay: fast}\n";
  const stored = { place, name: "slow", text, leaseMs: null };
  const { problems } = await new StoredParser(systemClock).parse([stored], never);
  assert.deepEqual(problems.map(formatProblem), [blockOf(`${place}:2:`).trim()]);
});

test("every command and flag of the page is one", async () => {
  const rows = [...page.matchAll(/^\| `(rules \w+)/gm)].map(([, name = ""]) => name);
  assert.equal(rows.length, 7);
  const help = async (words: readonly string[]) =>
    (await findCommand(words, commandEntries).entry.load()).help;
  for (const name of rows) assert.match(await help(name.split(" ")), new RegExp(`understudy ${name}`));
  const all = (
    await Promise.all(["rules apply", "sidecar", "run"].map((name) => help(name.split(" "))))
  ).join();
  const config = allOptions.map(({ key }) => flagOf(key));
  for (const [flag] of page.matchAll(/--[a-z][a-z-]+/g))
    assert.ok(all.includes(flag) || config.includes(flag), flag);
});
