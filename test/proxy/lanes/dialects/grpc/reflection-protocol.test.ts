// What is asked of a reflection service, file by file, and what becomes of answers that are none.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describedBy,
  type ReflectionStream,
  StatusError,
} from "../../../../../src/proxy/lanes/dialects/grpc/reflection.ts";
import { lengthDelimited, tag, varint } from "../../../../../src/proxy/lanes/dialects/grpc/wire.ts";

const text = (id: number, value: string) => lengthDelimited(id, Buffer.from(value));
const file = (name: string, ...imports: readonly string[]) =>
  Buffer.concat([text(1, name), ...imports.map((one) => text(3, one))]);
const files = (...found: readonly Buffer[]) =>
  lengthDelimited(4, Buffer.concat(found.map((one) => lengthDelimited(1, one))));
const refusal = (code: number, message: string) =>
  lengthDelimited(7, Buffer.concat([tag(1, 0), varint(code), text(2, message)]));

/** A service that answers by what stands in the request behind its tag and length. */
function answering(answers: Readonly<Record<string, Buffer>>) {
  const asked: string[] = [];
  const open = (): ReflectionStream => ({
    async ask(request) {
      const name = Buffer.from(request.subarray(2)).toString();
      asked.push(name);
      return answers[name] ?? refusal(5, `no ${name}`);
    },
    close: () => undefined,
  });
  return { asked, open };
}

test("reflection: imports that do not come along are asked for, each once", async () => {
  const { asked, open } = answering({
    "a.Service": files(file("a.proto", "b.proto", "c.proto")),
    "b.proto": files(file("b.proto", "c.proto", "google/protobuf/any.proto")),
    "c.proto": files(file("c.proto", "b.proto")),
  });
  const set = await describedBy(open, "a.Service");
  assert.deepEqual(asked.sort(), ["a.Service", "b.proto", "c.proto", "google/protobuf/any.proto"]);
  assert.equal(
    set.length,
    [
      file("a.proto", "b.proto", "c.proto"),
      file("b.proto", "c.proto", "google/protobuf/any.proto"),
      file("c.proto", "b.proto"),
    ].reduce((sum, { length }) => sum + length + 2, 0),
  );
});

test("reflection: an import that is missing, a service that is unknown, an empty answer: said in words", async () => {
  const { open } = answering({
    "a.Service": files(file("a.proto", "b.proto")),
    "e.Service": Buffer.alloc(0),
  });
  await assert.rejects(describedBy(open, "a.Service"), /reflection service says NOT_FOUND: no b\.proto/);
  await assert.rejects(describedBy(open, "x.Service"), /says NOT_FOUND: no x\.Service/);
  await assert.rejects(describedBy(open, "e.Service"), /gave no descriptors/);
});

test("reflection: descriptions without an end are given up", async () => {
  let count = 0;
  const open = (): ReflectionStream => ({
    ask: async () => files(file(`${count}.proto`, `${++count}.proto`)),
    close: () => undefined,
  });
  await assert.rejects(describedBy(open, "a.Service"), /more than 2000 files/);
});

test("reflection: another status than UNIMPLEMENTED is not asked around", async () => {
  const paths: string[] = [];
  const failing =
    (code: number) =>
    (path: string): ReflectionStream => {
      paths.push(path);
      return { ask: () => Promise.reject(new StatusError(code, "no")), close: () => undefined };
    };
  await assert.rejects(describedBy(failing(16), "a.Service"), /UNAUTHENTICATED: no/);
  await assert.rejects(describedBy(failing(12), "a.Service"), /it has no reflection service/);
  assert.deepEqual(
    paths.map((path) => path.split(".")[2]),
    ["v1", "v1", "v1alpha"],
  );
});
