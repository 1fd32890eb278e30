// Rules kept for the next start: the same as were read, and only where nothing at all differs.

import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findKept, keep } from "../../../../src/control/rules/reader/kept-rules.ts";
import { processReader } from "../../../../src/control/rules/reader/process-reader.ts";
import { type FoundRules, inlineReader } from "../../../../src/control/rules/reader/rule-reader.ts";
import { systemClock } from "../../../../src/core/clock.ts";

const root = mkdtempSync(join(tmpdir(), "understudy-kept-"));
after(() => rmSync(root, { recursive: true }));

const never = new AbortController().signal;
const uid = process.geteuid?.() ?? -1;
const text = `version: 1
rules:
  - {name: bytes, matches: [{body: {binaryPrefix: AAEC}}], respond: {base64: AAEC, headers: {a: b}}}
  - name: big
    scope: {percentage: 12.5, ttl: 30m}
    respond: {json: {"deep": [1, null, {"x": 1e30}]}}
`;

async function stage(content = text) {
  const folder = mkdtempSync(join(root, "stage-"));
  const file = join(folder, "rules.yaml");
  const program = join(folder, "program.js");
  writeFileSync(file, content);
  writeFileSync(program, "// the code that reads");
  const deps = { folder: join(folder, "kept"), program, uid };
  const read = async (): Promise<FoundRules> => {
    const found = await inlineReader(systemClock).read(file, "", never);
    assert.ok(found);
    return found;
  };
  return { file, deps, read, keptFile: () => join(deps.folder, readdirSync(deps.folder)[0] ?? "") };
}

test("kept rules: are those that were read, bytes and all", async () => {
  const { file, deps, read } = await stage();
  const found = await read();
  assert.equal(await findKept(file, deps), null, "nothing was kept yet");
  keep(file, found, deps);
  const kept = await findKept(file, deps);
  assert.deepEqual(kept?.rules, found.rules);
  assert.equal(kept?.digest, found.digest);
});

test("kept rules: count for nothing where a file, the path or the program is another", async () => {
  const { file, deps, read } = await stage();
  keep(file, await read(), deps);
  writeFileSync(file, `${text}# one more line\n`);
  assert.equal(await findKept(file, deps), null);
  writeFileSync(file, text);
  assert.ok(await findKept(file, deps));
  const elsewhere = `${file}-moved.yaml`;
  renameSync(file, elsewhere);
  assert.equal(await findKept(elsewhere, deps), null, "places and relative files would be wrong");
  assert.equal(await findKept(file, deps), null, "what is gone is not served from memory");
  renameSync(elsewhere, file);
  writeFileSync(deps.program, "// the code that reads, mended");
  assert.equal(await findKept(file, deps), null);
});

test("kept rules: count for nothing where a folder has one file more", async () => {
  const { file, deps } = await stage();
  const folder = join(file, "../many");
  mkdirSync(folder);
  writeFileSync(join(folder, "a.yaml"), text);
  const found = await inlineReader(systemClock).read(folder, "", never);
  assert.ok(found);
  keep(folder, found, deps);
  assert.ok(await findKept(folder, deps));
  writeFileSync(join(folder, "b.yaml"), "version: 1\nrules: []\n");
  assert.equal(await findKept(folder, deps), null);
});

test("kept rules: are not believed where others could have written them, or where they are damaged", async () => {
  const { file, deps, read, keptFile } = await stage();
  keep(file, await read(), deps);
  const kept = keptFile();
  const bytes = readFileSync(kept);
  for (const mode of [0o640, 0o602, 0o644]) {
    chmodSync(kept, mode);
    assert.equal(await findKept(file, deps), null, mode.toString(8));
  }
  chmodSync(kept, 0o600);
  assert.equal(await findKept(file, { ...deps, uid: uid + 1 }), null, "of somebody else");
  const flipped = Buffer.from(bytes);
  flipped[bytes.length - 5] = (flipped[bytes.length - 5] ?? 0) ^ 1;
  writeFileSync(kept, flipped);
  assert.equal(await findKept(file, deps), null, "one bit");
  writeFileSync(kept, bytes);
  assert.ok(await findKept(file, deps));
  truncateSync(kept, 10);
  assert.equal(await findKept(file, deps), null, "half written");
  writeFileSync(deps.program, "// another program");
  keep(file, await read(), deps);
  const others = readdirSync(deps.folder).map((name) => join(deps.folder, name));
  const other = others.find((path) => path !== kept) ?? "";
  writeFileSync(other, bytes);
  assert.equal(await findKept(file, deps), null, "the file of another name");
  rmSync(other);
  writeFileSync(deps.program, "// the code that reads");
  writeFileSync(`${kept}-real`, bytes, { mode: 0o600 });
  rmSync(kept);
  symlinkSync(`${kept}-real`, kept);
  assert.equal(await findKept(file, deps), null, "a link");
});

test("kept rules: are few, and only this user can read them", async () => {
  const { file, deps, read } = await stage();
  const found = await read();
  for (let index = 0; index < 40; index++) {
    writeFileSync(deps.program, `// ${index}`);
    keep(file, found, deps);
  }
  assert.equal(readdirSync(deps.folder).length, 32);
  assert.ok(await findKept(file, deps), "the newest stay");
});

test("process reader: starts no process for rules that it has kept, and reads again for their lines alone", async () => {
  const { file, deps } = await stage();
  const beside = { clock: systemClock, env: process.env };
  const first = await processReader({ ...beside, kept: deps }).read(file, "", never);
  assert.ok(first);
  first.close();
  await keptThere(() => findKept(file, deps));
  const without = { ...beside, entry: join(root, "there-is-no-such-program.js") };
  const again = await processReader({ ...without, kept: deps }).read(file, "", never);
  assert.deepEqual(again?.rules, first.rules);
  await assert.rejects(processReader({ ...without, kept: deps }).read(file, "another", never), /ended with/);
  again?.close();

  const lined = await processReader({ ...beside, kept: deps }).read(file, "", never);
  const big = lined?.rules[1];
  assert.ok(lined && big);
  assert.match((await lined.locate(big, ["respond", "json"])).place, /rules\.yaml:6$/);
  lined.close();
  const late = await processReader({ ...beside, kept: deps }).read(file, "", never);
  writeFileSync(file, text.replace("12.5", "50"));
  await assert.rejects(async () => late?.locate(late.rules[0] ?? big, ["name"]), /changed since/);
  late?.close();
});

test("process reader: keeps nothing of rules with a mistake", async () => {
  const { file, deps } = await stage("version: 1\nrules: [{name: a, respond: {status: 99}}]\n");
  const found = await processReader({ clock: systemClock, env: process.env, kept: deps }).read(
    file,
    "",
    never,
  );
  assert.equal(found?.problems.length, 1);
  found.close();
  assert.equal(await findKept(file, deps), null);
});

/** Keeping goes on behind the reader's back. */
async function keptThere(look: () => Promise<unknown>): Promise<void> {
  while ((await look()) === null) await new Promise((resolve) => setImmediate(resolve));
}
