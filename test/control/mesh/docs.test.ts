// The example of docs/mesh.md does what it says.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

test("docs/mesh.md: the example runs", async (t) => {
  const root = fileURLToPath(new URL("../../../", import.meta.url));
  const code = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "docs/mesh.md"), "utf8"))?.[1] ?? "";
  const folder = mkdtempSync(join(tmpdir(), "understudy-docs-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "example.mts");
  writeFileSync(file, code.replaceAll('"./src/', `"${root}src/`));
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 60_000 });
  assert.match(stdout, /problem: null/);
  assert.match(stdout, /'(cart|shop)-1 is alive', '(cart|shop)-1 is alive'/);
  assert.match(stdout, /cart-1 hears leave/);
});
