// A google.protobuf.FileDescriptorSet becomes what .proto sources become. The extension of protobufjs that reads such sets
// leaves out maps, names of JSON and the default packing, which are put right here.

import { createRequire } from "node:module";
import type { NamespaceBase, Root, Type } from "protobufjs";
import { loadProtobuf } from "./schema.ts";

/** As far as we look into it; decoded, lists are always there. */
interface MessageDescriptor {
  readonly name: string;
  readonly field: readonly FieldDescriptor[];
  readonly nestedType: readonly MessageDescriptor[];
  readonly options?: { readonly mapEntry?: boolean } | null;
}

interface FieldDescriptor {
  readonly name: string;
  readonly jsonName: string;
  readonly options?: { packed?: boolean } | null;
}

interface FileDescriptor {
  readonly package: string;
  readonly syntax: string;
  readonly messageType: readonly MessageDescriptor[];
}

/** The root of an encoded set. Throws Error where it is none. */
export function rootOfSet(bytes: Uint8Array): Root {
  const load = createRequire(import.meta.url);
  const { Root: NewRoot } = loadProtobuf();
  const { FileDescriptorSet } = load("protobufjs/ext/descriptor") as {
    readonly FileDescriptorSet: {
      decode(bytes: Uint8Array): { readonly file: readonly FileDescriptor[] };
    };
  };
  // The extension adds fromDescriptor to Root, which its types leave to the global ones.
  const { fromDescriptor } = NewRoot as unknown as { fromDescriptor(set: unknown): Root };
  const set = FileDescriptorSet.decode(bytes);
  for (const { syntax, messageType } of set.file) if (syntax === "proto3") sayPacked(messageType);
  const root = fromDescriptor.call(NewRoot, set);
  for (const file of set.file) {
    let scope: NamespaceBase = root;
    // What a package is part of, and itself, are namespaces.
    for (const name of file.package.split(".")) scope = (scope.get(name) as NamespaceBase | null) ?? scope;
    mendAll(scope, file.messageType);
  }
  return root;
}

/** Any option of a field, but none about packing, is taken for "not packed" there. */
function sayPacked(messages: readonly MessageDescriptor[]): void {
  for (const { field, nestedType } of messages) {
    for (const { options } of field) if (options && !Object.hasOwn(options, "packed")) options.packed = true;
    sayPacked(nestedType);
  }
}

function mendAll(scope: NamespaceBase, messages: readonly MessageDescriptor[]): void {
  for (const message of messages) {
    const type = scope.get(message.name);
    if (type && "fields" in type) mend(type as Type, message); // only a Type has fields
  }
}

function mend(type: Type, message: MessageDescriptor): void {
  mendAll(type, message.nestedType);
  for (const { name, jsonName } of message.field)
    if (jsonName !== "") type.fields[name]?.setOption("json_name", jsonName);
  type.setOption("map_entry", undefined); // which the extension sets on the message that holds the entry
  for (const nested of message.nestedType) if (nested.options?.mapEntry) replaceEntry(type, nested.name);
}

/** `repeated PricesEntry prices` with its message becomes `map<string, int32> prices`. */
function replaceEntry(type: Type, entryName: string): void {
  const { MapField } = loadProtobuf();
  const entry = type.get(entryName) as Type | null; // the descriptor says that it is a message
  const [key, value] = [entry?.fields.key, entry?.fields.value];
  const field = type.fieldsArray.find((one) => one.type.split(".").at(-1) === entryName);
  if (!entry || !key || !value || !field) return;
  type.remove(field);
  type.remove(entry);
  const map = new MapField(field.name, field.id, key.type, value.type, field.options);
  type.add(map);
  map.resolve(); // the root has been resolved without it, and will not be again
}
