// examples/mesh, run as a newcomer does: with each store that is here, and with a file.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { lacks, programs } from "../support/store-servers.ts";

const demo = fileURLToPath(new URL("../../examples/mesh/demo.ts", import.meta.url));

for (const kind of ["etcd", "consul", "file"] as const)
  test(`the mesh demo with ${kind}: all as said`, {
    skip: kind === "file" ? false : lacks(kind),
    timeout: 130_000,
  }, async (context) => {
    const folders = [dirname(programs.etcd), dirname(programs.consul), process.env.PATH];
    const child = spawn(process.execPath, [demo, kind], {
      env: { PATH: folders.join(":"), HOME: process.env.HOME },
      stdio: ["ignore", "pipe", "inherit"],
    });
    context.after(() => child.kill());
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    const [code] = await once(child, "exit");
    assert.equal(code, 0, text);
    assert.match(text, /All as said\.\n$/);
    assert.equal(text.match(/✔/g)?.length, kind === "file" ? 10 : 13, text);
    assert.match(text, /3 of 3 sidecars say so/);
    assert.match(text, /price +127\.0\.0\.1:\d+ +failed/);
  });
