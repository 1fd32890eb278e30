// Folders that are made with those above them, and places where none can be made.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeFolder, makeFolderSync } from "../../src/core/make-folder.ts";

const root = mkdtempSync(join(tmpdir(), "understudy-folders-"));
after(() => rmSync(root, { recursive: true }));

const ways = [
  ["at once", async (path: string) => makeFolderSync(path)],
  ["in time", makeFolder],
] as const;

for (const [way, make] of ways) {
  test(`folders: made with those above them, for the owner alone, ${way}`, async () => {
    const deep = join(root, way, "b", "c");
    await make(deep);
    assert.equal(statSync(deep).mode & 0o777, 0o700);
    assert.equal(statSync(join(root, way)).mode & 0o777, 0o700);
    await make(deep); // there already
    await make(`${deep}/d/`);
    assert.ok(statSync(join(deep, "d")).isDirectory());
  });

  test(`folders: a place that cannot be is an error, not a wait, ${way}`, async () => {
    const file = join(root, `${way}.txt`);
    writeFileSync(file, "");
    await assert.rejects(make(file), { code: "EEXIST" });
    await assert.rejects(make(join(file, "a")), { code: "ENOTDIR" });
    // procfs: the folder above is there, and nothing can be made in it.
    await assert.rejects(make("/proc/nope/ca"), { code: "ENOENT" });
    await assert.rejects(make("/proc/nope"), { code: "ENOENT" });
  });
}
