// A helper whose sidecar goes at once, as by kill -9 in the first moment, before the two have said a word.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { noNamespaces } from "../../../support/understudy-process.ts";

const entry = fileURLToPath(new URL("../../../../src/proxy/accept/namespace/entry.ts", import.meta.url));
const words = ["--user", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"];

test("helper: ends with its sidecar, however early that goes", { skip: noNamespaces }, async () => {
  const helper = spawn("unshare", [...words, process.execPath, entry], {
    stdio: ["ignore", "ignore", "ignore", "ipc", "ignore"],
  });
  helper.disconnect();
  const [code, signal] = await once(helper, "exit", { signal: AbortSignal.timeout(20_000) }).finally(() =>
    helper.kill("SIGKILL"),
  );
  assert.equal(signal, null);
  assert.notEqual(code, 0);
});
