// A folder of rules that changes while it is read.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { readRuleFiles } from "../../../src/control/rules/rule-files.ts";

const rule = (name: string) => `version: 1\nrules: [{name: ${name}, respond: {}}]\n`;

test("a file that goes while its folder is read is no mistake; a link that leads nowhere is one", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-files-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const name = (index: number) => join(folder, `${String(index).padStart(3, "0")}.yaml`);
  for (let index = 0; index < 200; index++) writeFileSync(name(index), rule(`r${index}`));
  const reading = readRuleFiles(folder, "/");
  for (let i = 0; i < 50; i++) await turn();
  rmSync(name(199));
  const { files, problems } = await reading;
  assert.deepEqual(problems, []);
  assert.ok(files.length === 199 || files.length === 200);
  symlinkSync("nowhere", join(folder, "link.yaml"));
  assert.deepEqual((await readRuleFiles(folder, "/")).problems, [
    {
      place: join(folder, "link.yaml"),
      path: "",
      message: "expected a file that can be read, got nothing there (ENOENT)",
    },
  ]);
});
