// The demo as a newcomer runs it: everything that it shows is as it says, in either mode.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { noNamespaces } from "../support/understudy-process.ts";

const demo = fileURLToPath(new URL("../../examples/shop/demo.ts", import.meta.url));

function runDemo(...words: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [demo, ...words], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
}

async function isAsSaid(...words: readonly string[]): Promise<void> {
  const { code, output } = await runDemo(...words);
  assert.equal(code, 0, output);
  assert.match(output, /All as said\./);
  assert.equal(output.match(/✔/g)?.length, 11, output);
  assert.match(output, /\/shop\.Inventory\/GetStock → OK mocked by no-sofa/);
  assert.match(output, /POST localhost:\d+\/v1\/charges → 402 mocked by declined-charge/);
}

test("the demo: a mock inside HTTPS, one over gRPC, a delay, new rules", { skip: noNamespaces }, () =>
  isAsSaid(),
);

test("the demo with proxy variables", () => isAsSaid("--mode", "env"));
