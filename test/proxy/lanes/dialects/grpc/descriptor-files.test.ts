// Descriptors from files: read once for all rules that name them, and again when a file has changed, whatever was wrong.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  createDescriptorFiles,
  DescriptorProblem,
} from "../../../../../src/proxy/lanes/dialects/grpc/descriptor-files.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-descriptors-"));
after(() => rmSync(folder, { recursive: true }));

const good = (name: string) =>
  `syntax = "proto3";\npackage ${name};\nmessage M {string a = 1;}\nservice S {rpc Get(M) returns (M);}\n`;

/** What is thrown; fails where nothing is. */
function problemOf(read: () => unknown): DescriptorProblem {
  try {
    read();
  } catch (thrown) {
    assert.ok(thrown instanceof DescriptorProblem);
    return thrown;
  }
  return assert.fail("nothing was thrown");
}

test("descriptor files: a mistake is read once, until its file is mended", () => {
  const own = join(folder, "mended");
  mkdirSync(own);
  writeFileSync(join(own, "a.proto"), good("a"));
  writeFileSync(join(own, "b.proto"), "messag X {}");
  const files = createDescriptorFiles();
  const first = problemOf(() => files([own]));
  assert.match(first.message, /illegal token 'messag'/);
  assert.equal(
    problemOf(() => files([own])),
    first,
  );
  writeFileSync(join(own, "b.proto"), good("b"));
  const schema = files([own]);
  assert.ok(schema.method("b.S", "Get"));
  assert.equal(files([own]), schema);
});

test("descriptor files: what was missing is found when it is there, wherever that is", () => {
  const files = createDescriptorFiles();
  const late = join(folder, "late.proto");
  problemOf(() => files([late]));
  writeFileSync(late, good("late"));
  assert.ok(files([late]).method("late.S", "Get"));

  const importer = join(folder, "deep", "importer.proto");
  mkdirSync(join(folder, "deep"));
  writeFileSync(importer, good("i").replace("message", 'import "other/types.proto";\nmessage'));
  assert.match(
    problemOf(() => files([importer])).message,
    /imports "other\/types\.proto", which is found neither/,
  );
  mkdirSync(join(folder, "other"));
  writeFileSync(join(folder, "other", "types.proto"), good("o"));
  assert.ok(files([importer]).method("i.S", "Get"));
});

test("descriptor files: a mistake is told with its file among many, and its line", () => {
  const own = join(folder, "mistaken");
  mkdirSync(own);
  writeFileSync(join(own, "a.proto"), good("a"));
  writeFileSync(join(own, "z.proto"), good("z"));
  const file = join(own, "m.proto");
  const rows: readonly (readonly [source: string, told: string])[] = [
    ['syntax = "proto3";\nmessage M { string a = 1 }', `${file}:2: illegal token '}', ';' expected`],
    ['syntax = "proto3";\nmessage M { map<float, string> a = 1; }', `${file}:2: illegal type 'float'`],
    ['syntax = "proto3";\nmessage M { string a = 1; int32 b = 1; }', `${file}: duplicate id 1 in Type M`],
    ['syntax = "proto3";\nmessage M { string a = 1;', `${file}: it ends within a definition`],
  ];
  for (const [source, told] of rows) {
    writeFileSync(file, source);
    const { message } = problemOf(() => createDescriptorFiles()([own]));
    assert.equal(message, `expected .proto files or a descriptor set: ${told}`);
  }
});
