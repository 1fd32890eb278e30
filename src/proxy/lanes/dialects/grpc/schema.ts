// Services and messages that are described, from whatever source: what a method takes and gives.

import { createRequire } from "node:module";
import type { Root, Service } from "protobufjs";
import { nearest } from "../../../../core/nearest.ts";
import { errorDetails } from "./error-details.ts";
import { type MessageType, MessageTypes, withoutDot } from "./message-type.ts";

/** Loaded with the first rule that needs a descriptor: most rule sets have none. */
export function loadProtobuf(): typeof import("protobufjs") {
  return createRequire(import.meta.url)("protobufjs") as typeof import("protobufjs");
}

export interface MethodType {
  readonly request: MessageType;
  readonly response: MessageType;
  readonly clientStreams: boolean;
  readonly serverStreams: boolean;
}

export interface Schema {
  /** undefined: not described here. */
  method(service: string, method: string): MethodType | undefined;
  type(name: string): MessageType | undefined;
  /** What is wrong with these names, for people; null: nothing. `method` null: any. */
  flaw(
    service: string,
    method: string | null,
  ): { readonly key: "service" | "method"; readonly message: string } | null;
}

/** `root`: with all imports in it. Throws Error where a type is missing. */
export function schemaOf(root: Root): Schema {
  addMissing(root);
  root.resolveAll();
  const types = new MessageTypes((name) => {
    const found = root.lookup(name);
    return found !== null && "fieldsArray" in found && "oneofs" in found
      ? (found as import("protobufjs").Type) // only a Type has oneofs
      : undefined;
  });
  const services = new Map(servicesOf(root).map((service) => [withoutDot(service.fullName), service]));
  return {
    type: (name) => types.find(name),
    method(service, method) {
      const methods = services.get(service)?.methods;
      const found = methods && Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (!found?.resolvedRequestType || !found.resolvedResponseType) return undefined;
      return {
        request: types.of(found.resolvedRequestType),
        response: types.of(found.resolvedResponseType),
        clientStreams: found.requestStream === true,
        serverStreams: found.responseStream === true,
      };
    },
    flaw(service, method) {
      const found = services.get(service);
      if (!found) return { key: "service", message: unknownName("service", service, [...services.keys()]) };
      const names = Object.keys(found.methods);
      if (method === null || names.includes(method)) return null;
      return { key: "method", message: unknownName(`method of ${service}`, method, names) };
    },
  };
}

function unknownName(what: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known) ?? known.find((one) => one.endsWith(`.${name}`));
  const described = known.length === 0 ? "none at all" : known.slice(0, 20).join(", ");
  const hint = meant === undefined ? `; described: ${described}` : `, did you mean "${meant}"?`;
  return `unknown ${what} ${JSON.stringify(name)}${hint}`;
}

function servicesOf(namespace: Root | import("protobufjs").NamespaceBase): Service[] {
  return namespace.nestedArray.flatMap((item) => {
    if ("methods" in item) return [item as Service]; // only a Service has methods
    return "nestedArray" in item ? servicesOf(item as import("protobufjs").NamespaceBase) : [];
  });
}

const bundled = {
  any: "Any",
  duration: "Duration",
  empty: "Empty",
  field_mask: "FieldMask",
  struct: "Struct",
  timestamp: "Timestamp",
  wrappers: "StringValue",
} as const;

/** Well-known types and the details of errors are understood without being imported. */
function addMissing(root: Root): void {
  const { common, parse } = loadProtobuf();
  for (const [file, type] of Object.entries(bundled)) {
    const types = common.get(`google/protobuf/${file}.proto`)?.nested;
    if (types && root.lookup(`google.protobuf.${type}`) === null) root.addJSON(types);
  }
  if (root.lookup("google.rpc") === null) parse(errorDetails, root, { keepCase: true });
}

/** Well-known types and the details of errors, without any descriptor of the user's. */
export function bareSchema(): Schema {
  const { Root: NewRoot } = loadProtobuf();
  return schemaOf(new NewRoot());
}
