// Where the certificates that the command trusts are written; what becomes of them is seen in e2e/run-tls.test.ts.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openTrustFolder } from "../../src/commands/run-trust.ts";

/** TMPDIR of this process, for one test. */
function setTemporary(context: TestContext, folder: string): void {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  context.after(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
}

test("trust: without a folder for temporary files, TMPDIR is named and no trouble of our own", async (context) => {
  const missing = join(tmpdir(), "no", "such", "folder");
  setTemporary(context, missing);
  await assert.rejects(openTrustFolder("PEM", {}, "/"), {
    code: "bad_config",
    message: `TMPDIR: expected a folder for the certificates that the command is to trust, got "${missing}" (ENOENT)`,
  });
});

test("trust: a folder in TMPDIR, which goes when it is closed", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-test-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  setTemporary(context, folder);
  const opened = await openTrustFolder("PEM", {}, "/");
  const extra = opened.variables.NODE_EXTRA_CA_CERTS ?? "";
  assert.ok(extra.startsWith(folder), extra);
  await opened.close();
  assert.deepEqual(readdirSync(folder), []);
});
