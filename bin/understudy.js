#!/usr/bin/env node
// Starts the program: the compiled one of a package, or the sources of a checkout.
import { existsSync } from "node:fs";

const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  process.stderr.write(
    `understudy: needs Node 24 or newer, this is ${process.version} (${process.execPath})\n` +
      "  in a checkout: npm ci && npx understudy …   (npx finds the Node that npm ci installed)\n",
  );
  process.exit(69);
}
const sources = new URL("../src/main.ts", import.meta.url);
await import(existsSync(sources) ? sources.href : new URL("../dist/main.js", import.meta.url).href);
