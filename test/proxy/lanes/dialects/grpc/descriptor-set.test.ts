// Descriptor sets as protoc writes them mean what their sources mean: maps, names of JSON, packing, presence.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { decodeMessage } from "../../../../../src/proxy/lanes/dialects/grpc/decode.ts";
import { createDescriptorFiles } from "../../../../../src/proxy/lanes/dialects/grpc/descriptor-files.ts";
import { encodeMessage } from "../../../../../src/proxy/lanes/dialects/grpc/encode.ts";
import type { MessageType } from "../../../../../src/proxy/lanes/dialects/grpc/message-type.ts";
import { protoFolder, shopPackage } from "../../../../support/grpc-shop.ts";
import { withShop } from "./rules.ts";

/** In protoc's order of fields: FileDescriptorProto {name, package, message_type, syntax}. */
const described = {
  name: "made.proto",
  package: "made.v1",
  syntax: "proto3",
  messageType: [
    {
      name: "Made",
      field: [
        { name: "plain", number: 1, label: 1, type: 5, jsonName: "plain" },
        { name: "named", number: 2, label: 1, type: 9, jsonName: "otherName" },
        {
          name: "counts",
          number: 3,
          label: 3,
          type: 11,
          typeName: ".made.v1.Made.CountsEntry",
          jsonName: "counts",
        },
        { name: "old", number: 4, label: 3, type: 5, jsonName: "old", options: { deprecated: true } },
        { name: "loose", number: 5, label: 3, type: 5, jsonName: "loose", options: { packed: false } },
        {
          name: "maybe",
          number: 6,
          label: 1,
          type: 5,
          jsonName: "maybe",
          proto3Optional: true,
          oneofIndex: 0,
        },
      ],
      oneofDecl: [{ name: "_maybe" }],
      nestedType: [
        {
          name: "CountsEntry",
          field: [
            { name: "key", number: 1, label: 1, type: 9, jsonName: "key" },
            { name: "value", number: 2, label: 1, type: 5, jsonName: "value" },
          ],
          options: { mapEntry: true },
        },
      ],
    },
  ],
};

/** Maps of messages and of enums, one of whose values has two names. */
const mapped = {
  name: "mapped.proto",
  package: "mapped.v1",
  syntax: "proto3",
  messageType: [
    {
      name: "Mapped",
      field: [
        { name: "by", number: 1, label: 3, type: 11, typeName: ".mapped.v1.Mapped.ByEntry", jsonName: "by" },
        { name: "is", number: 2, label: 3, type: 11, typeName: ".mapped.v1.Mapped.IsEntry", jsonName: "is" },
      ],
      nestedType: [
        entryOf("ByEntry", { type: 11, typeName: ".mapped.v1.Mapped" }),
        entryOf("IsEntry", { type: 14, typeName: ".mapped.v1.State" }),
      ],
    },
  ],
  enumType: [
    {
      name: "State",
      value: [
        { name: "UNKNOWN", number: 0 },
        { name: "STARTED", number: 1 },
        { name: "RUNNING", number: 1 },
      ],
      options: { allowAlias: true },
    },
  ],
};

function entryOf(name: string, value: object): object {
  return {
    name,
    field: [
      { name: "key", number: 1, label: 1, type: 9, jsonName: "key" },
      { name: "value", number: 2, label: 1, jsonName: "value", ...value },
    ],
    options: { mapEntry: true },
  };
}

function withFile<T>(name: string, bytes: Uint8Array, work: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "understudy-set-"));
  try {
    writeFileSync(join(folder, name), bytes);
    return work(join(folder, name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function setOf(file: object): Uint8Array {
  const { FileDescriptorSet } = createRequire(import.meta.url)("protobufjs/ext/descriptor");
  return FileDescriptorSet.encode(FileDescriptorSet.fromObject({ file: [file] })).finish();
}

function typeIn(file: object, name: string): MessageType {
  const schema = withFile("made.binpb", setOf(file), (path) => createDescriptorFiles()([path]));
  const type = schema.type(name);
  assert.ok(type);
  return type;
}

const made = (): MessageType => typeIn(described, "made.v1.Made");

test("descriptor set: maps, names of JSON and presence are those of the source", () => {
  const json = { plain: 0, otherName: "x", counts: { a: 1, b: 2 }, old: [1, 2], loose: [3, 4], maybe: 0 };
  assert.deepEqual(decodeMessage(encodeMessage(json, made()), made()), json);
  assert.deepEqual(decodeMessage(new Uint8Array(0), made()), {
    plain: 0,
    otherName: "",
    counts: {},
    old: [],
    loose: [],
  });
});

test("descriptor set: maps hold messages and enums, by the first of the names that a number has", () => {
  const type = typeIn(mapped, "mapped.v1.Mapped");
  const inner = { by: {}, is: { c: "UNKNOWN" } };
  const bytes = encodeMessage({ by: { a: inner }, is: { b: "RUNNING" } }, type);
  // by {a: is {c: 0}}, is {b: 1}, each entry with its key.
  assert.equal(bytes.toString("hex"), "0a0c0a01611207" + "12050a01631000" + "12050a01621001");
  assert.deepEqual(decodeMessage(bytes, type), { by: { a: inner }, is: { b: "STARTED" } });
});

test("descriptor set: numbers are packed where nothing says otherwise", () => {
  assert.equal(encodeMessage({ old: [1, 2] }, made()).toString("hex"), "22020102");
  assert.equal(encodeMessage({ loose: [1, 2] }, made()).toString("hex"), "28012802");
});

test("descriptor set: a set and a folder of sources go together", () => {
  const schema = withFile("made.binpb", setOf(described), (path) =>
    createDescriptorFiles()([protoFolder, path]),
  );
  assert.ok(schema.method("shop.v1.Inventory", "Get"));
  const type = schema.type("made.v1.Made");
  assert.ok(type);
  assert.deepEqual(decodeMessage(encodeMessage({ counts: { a: 1 } }, type), type), {
    plain: 0,
    otherName: "",
    counts: { a: 1 },
    old: [],
    loose: [],
  });
});

test("descriptor set: rules use it as they use sources", async () => {
  // Every definition of the loader carries its file, encoded as in a set.
  const files = new Map<string, Uint8Array>();
  for (const item of Object.values(shopPackage))
    if (Array.isArray(item.fileDescriptorProtos))
      for (const file of item.fileDescriptorProtos) files.set(file.toString("latin1"), file);
  const lengths = (size: number) => (size < 128 ? [size] : [(size & 127) | 128, size >> 7]);
  const set = Buffer.concat(
    [...files.values()].flatMap((file) => [Buffer.from([10, ...lengths(file.length)]), Buffer.from(file)]),
  );
  const folder = mkdtempSync(join(tmpdir(), "understudy-set-"));
  try {
    const path = join(folder, "shop.binpb");
    writeFileSync(path, set);
    await withShop(
      `
- name: mocked
  matches: [{grpc: {service: shop.v1.Inventory, method: Get}, message: {equalToJson: {sku: a}, ignoreExtraElements: true}}]
  respond: {grpc: {message: {sku: from-us, byStore: {a: 1}, restockedAt: "2026-01-01T00:00:00Z"}}}
`,
      async ({ client }) => {
        const { messages, details } = await client.call("Get", [{ sku: "a" }]);
        assert.deepEqual([messages[0]?.sku, messages[0]?.byStore], ["from-us", { a: 1 }], details);
      },
      { descriptors: path },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("descriptor set: what is none is refused with the place of its path", () => {
  assert.throws(
    () =>
      withFile("broken.binpb", Buffer.from("not a set"), (path) =>
        createDescriptorFiles()([protoFolder, path]),
      ),
    { index: 1, message: /expected \.proto files or a descriptor set/ },
  );
});
