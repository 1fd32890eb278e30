// The bundles of the package: all that is started by its path is there, and the program finds its own files.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { aloneEntries, builtinsTaken, bundle, entries } from "../../scripts/bundle.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "understudy-bundle-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("bundle: every entry of a process or worker is bundled", () => {
  const started = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((file) =>
    /(?:^|\/)entry\.ts$/.test(file),
  );
  const known: readonly string[] = [...entries, ...aloneEntries];
  assert.ok(started.length > 0);
  assert.deepEqual(
    started.filter((file) => !known.includes(file)),
    [],
  );
});

test("bundle: the program runs where nothing is installed, and finds what lies beside it", async () => {
  const bundled = await bundle(join(root, "src"), join(folder, "dist"));
  assert.deepEqual(bundled.packages, ["yaml", "zod"]);
  for (const entry of [...entries, ...aloneEntries]) {
    assert.ok(existsSync(join(folder, "dist", entry.replace(/\.ts$/, ".js"))), entry);
  }
  const importing = bundled.files.filter((file) =>
    /^import .*"node:/m.test(readFileSync(join(folder, "dist", file), "utf8")),
  );
  assert.deepEqual(importing, [], "parts of Node are taken by their name");
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  writeFileSync(join(folder, "rules.yaml"), "version: 1\nrules: [{name: a, respond: {status: 418}}]\n");
  assert.match(run("--version"), /^understudy \d/);
  assert.match(run("rules", "check", "rules.yaml"), /^ok: 1 rule/);
});

test("bundle: what is imported from a part of Node is taken from it, and types are left out", () => {
  const source = [
    'import { connect, type Socket } from "node:net";',
    "import {",
    "  inspect as show,",
    "  types,",
    '} from "node:util";',
    'import type { Readable } from "node:stream";',
    'import { listen } from "./node.ts";',
  ].join("\n");
  assert.equal(
    builtinsTaken(source),
    [
      'const { connect } = globalThis.process.getBuiltinModule("node:net");',
      'const { inspect: show, types } = globalThis.process.getBuiltinModule("node:util");',
      'import type { Readable } from "node:stream";',
      'import { listen } from "./node.ts";',
    ].join("\n"),
  );
});

function run(...words: readonly string[]): string {
  const options = { cwd: folder, encoding: "utf8", timeout: 10_000 } as const;
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, "dist/main.js"), ...words], options);
  return stdout || stderr;
}
