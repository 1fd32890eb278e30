// Programs found, or not, as a shell would.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { findProgram } from "../../../src/proxy/accept/find-program.ts";
import { proxyEnvironment } from "../../../src/proxy/accept/proxy-environment.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-path-"));
mkdirSync(join(folder, "first", "folder"), { recursive: true });
mkdirSync(join(folder, "second"));
for (const [name, mode] of [
  ["first/plain", 0o644],
  ["second/plain", 0o755],
  ["first/data", 0o644],
  ["second/tool", 0o755],
] as const) {
  writeFileSync(join(folder, name), "#!/bin/sh\n");
  chmodSync(join(folder, name), mode);
}
const path = `${join(folder, "first")}:${join(folder, "second")}`;
after(() => rmSync(folder, { recursive: true }));

describe("finding a program", () => {
  test("what may run wins over what comes first", () => {
    assert.deepEqual(findProgram("plain", path, "/"), { kind: "found", file: join(folder, "second/plain") });
  });
  test("a word with a slash is a path from the working directory", () => {
    assert.deepEqual(findProgram("./tool", "", join(folder, "second")), {
      kind: "found",
      file: join(folder, "second/tool"),
    });
  });
  for (const [name, exitCode, reason] of [
    ["nothing", 127, /^nothing: command not found$/],
    ["./nothing", 127, /^\.\/nothing: no such file$/],
    ["data", 126, /^data: not executable \(.*first\/data\)$/],
    ["folder", 126, /^folder: is a directory$/],
  ] as const) {
    test(`${name} is ${exitCode}`, () => {
      const found = findProgram(name, path, folder);
      assert.equal(found.kind === "missing" && found.exitCode, exitCode);
      assert.match(found.kind === "missing" ? found.reason : "", reason);
    });
  }
  test("without a PATH the usual folders are searched", () => {
    assert.equal(findProgram("sh", undefined, "/").kind, "found");
  });
});

test("proxy variables come in every spelling, and nothing is exempt from them", () => {
  const env = proxyEnvironment(
    { NO_PROXY: "localhost", KEPT: "yes", GONE: undefined },
    { host: "127.0.0.1", port: 9 },
  );
  assert.equal(env.KEPT, "yes");
  assert.ok(!("GONE" in env));
  for (const name of ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]) {
    assert.equal(env[name], "http://127.0.0.1:9");
  }
  assert.deepEqual([env.NO_PROXY, env.no_proxy, env.NODE_USE_ENV_PROXY], ["", "", "1"]);
});
