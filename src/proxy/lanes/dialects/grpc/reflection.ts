// What an upstream's reflection service tells of one of its services (grpc/grpc doc/server-reflection.md), as version v1 and,
// where a server does not know that, v1alpha, whose messages are the same.
//
//   file_containing_symbol SERVICE ──► its file ──► file_by_filename IMPORT, until none is missing ──► a descriptor set

import { messageOf } from "../../../../core/errors.ts";
import { grpcStatusName } from "../../../../core/grpc-status.ts";
import { lengthDelimited, readFields, readVarint } from "./wire.ts";

/** One stream of the service: a request, then its response. */
export interface ReflectionStream {
  /** Rejects with StatusError where the server ends the stream instead. */
  ask(request: Uint8Array): Promise<Uint8Array>;
  close(): void;
}

/** The server ended a stream with a status. */
export class StatusError extends Error {
  readonly code: number;

  constructor(code: number, text: string) {
    super(text === "" ? grpcStatusName(code) : `${grpcStatusName(code)}: ${text}`);
    this.code = code;
  }
}

/** Files of one service, imports included, and their bytes. */
const maxFiles = 2_000;
const maxSetBytes = 16_777_216;
/** The status of a method that a server does not have. */
export const unimplemented = 12;

const services = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/**
 * The service's google.protobuf.FileDescriptorSet, encoded. `open` starts a stream of the method with that path. Rejects
 * with an Error that says for people what is missing.
 */
export async function describedBy(
  open: (path: string) => ReflectionStream,
  service: string,
): Promise<Uint8Array> {
  for (const name of services) {
    const stream = open(`/${name}/ServerReflectionInfo`);
    try {
      return await filesOf(stream, service);
    } catch (thrown) {
      if (!(thrown instanceof StatusError) || thrown.code !== unimplemented) throw thrown;
    } finally {
      stream.close();
    }
  }
  throw new Error("it has no reflection service");
}

async function filesOf(stream: ReflectionStream, service: string): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const missing: string[] = [];
  const asked = new Set<string>();
  let bytes = 0;
  const take = (found: readonly Uint8Array[]): void => {
    for (const file of found) {
      const { name, imports } = namesIn(file);
      if (files.has(name)) continue;
      files.set(name, file);
      bytes += file.length;
      if (files.size > maxFiles || bytes > maxSetBytes)
        throw new Error(`it describes ${service} in more than ${maxFiles} files or ${maxSetBytes} bytes`);
      missing.push(...imports);
    }
  };
  take(filesIn(await stream.ask(request(symbolField, service))));
  for (let name = missing.pop(); name !== undefined; name = missing.pop()) {
    if (files.has(name) || asked.has(name)) continue;
    asked.add(name);
    try {
      take(filesIn(await stream.ask(request(filenameField, name))));
    } catch (thrown) {
      // Servers often leave these out; we have them.
      if (thrown instanceof StatusError || !name.startsWith("google/protobuf/")) throw thrown;
    }
  }
  return Buffer.concat([...files.values()].map((file) => lengthDelimited(1, file)));
}

/** Fields of ServerReflectionRequest. */
const filenameField = 3;
const symbolField = 4;

function request(field: number, name: string): Uint8Array {
  return lengthDelimited(field, Buffer.from(name));
}

/** ServerReflectionResponse {file_descriptor_response = 4 {file_descriptor_proto = 1}; error_response = 7}. */
function filesIn(response: Uint8Array): readonly Uint8Array[] {
  for (const { id, from, to } of readFields(response)) {
    const part = response.subarray(from, to);
    if (id === 4) return partsOf(part, 1);
    if (id === 7) throw new Error(errorText(part));
  }
  throw new Error("its reflection service gave no descriptors");
}

/** ErrorResponse {error_code = 1; error_message = 2}. */
function errorText(error: Uint8Array): string {
  let code = 2;
  for (const { id, from } of readFields(error)) if (id === 1) code = Number(readVarint(error, from).value);
  const [text = new Uint8Array(0)] = partsOf(error, 2);
  return `its reflection service says ${messageOf(new StatusError(code, Buffer.from(text).toString()))}`;
}

/** FileDescriptorProto {name = 1; dependency = 3}. */
function namesIn(file: Uint8Array): { readonly name: string; readonly imports: readonly string[] } {
  const [name = new Uint8Array(0)] = partsOf(file, 1);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
  return { name: text(name), imports: partsOf(file, 3).map(text) };
}

function partsOf(message: Uint8Array, id: number): readonly Uint8Array[] {
  return readFields(message).flatMap((field) =>
    field.id === id ? [message.subarray(field.from, field.to)] : [],
  );
}
