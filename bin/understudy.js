#!/usr/bin/env node
// Starts the program: the compiled one of a package, or the sources of a checkout.
const major = Number(process.versions.node.split(".")[0]);
if (major < 24) {
  process.stderr.write(
    `understudy: needs Node 24 or newer, this is ${process.version} (${process.execPath})\n` +
      "  in a checkout: npm ci && npx understudy …   (npx finds the Node that npm ci installed)\n",
  );
  process.exit(69);
}
// Imported as modules, they would load all that lies behind their getters.
const { existsSync } = process.getBuiltinModule("node:fs");
const modules = process.getBuiltinModule("node:module");
const { fileURLToPath } = process.getBuiltinModule("node:url");
const { setFlagsFromString } = process.getBuiltinModule("node:v8");
// Compiled code is kept beside the program: the next start takes half the time. Where the folder cannot be written
// nothing is kept, and nothing is lost. Coverage would be blind to code that comes from the cache.
if (!process.env.NODE_V8_COVERAGE) {
  modules.enableCompileCache(fileURLToPath(new URL("../.cache", import.meta.url)));
  setTimeout(modules.flushCompileCache, 3_000).unref(); // a sidecar may be killed before it ends
}
// Optimising what runs once, while modules are loaded, costs the start 20 ms, and what the compilers work in, 5 MB each,
// for good. The program switches them on again.
setFlagsFromString("--no-opt");
if (["arm", "arm64", "s390x", "x64"].includes(process.arch)) setFlagsFromString("--no-maglev"); // it exists there
const sources = new URL("../src/main.ts", import.meta.url);
await import(existsSync(sources) ? sources.href : new URL("../dist/main.js", import.meta.url).href);
