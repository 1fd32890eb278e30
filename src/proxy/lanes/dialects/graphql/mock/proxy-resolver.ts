// `proxy`: a field of a mocked schema that another GraphQL server answers. It is sent an operation with this one field.

import type { FieldNode, GraphQLResolveInfo, OperationDefinitionNode } from "graphql";
import type { GraphqlDeps, OwnReply } from "../deps.ts";
import type { GraphqlLibrary } from "../library.ts";
import { usedIn } from "../overlay/used.ts";
import { isRecord } from "../wire/params.ts";
import { relayedValue, typeNameAlias } from "./relayed.ts";
import type { MockCall } from "./resolve.ts";

const maxAnswerBytes = 8_388_608;

/** Fields of the call that the other server sees: who asks, and under which trace. */
const passedOn = new Set(["authorization", "cookie", "traceparent", "tracestate", "baggage"]);

export function proxyResolver(
  url: string,
  timeoutMs: number,
  { ask, decodeBody, deadline }: Pick<GraphqlDeps, "ask" | "decodeBody" | "deadline">,
  lib: GraphqlLibrary,
): (call: MockCall, info: GraphQLResolveInfo) => Promise<unknown> {
  const { protocol, hostname, port, host, pathname, search } = new URL(url);
  const scheme = protocol === "https:" ? "https" : "http";
  const destination = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (scheme === "https" ? 443 : 80),
  };
  return async (call, info) => {
    const { head, signal } = call.exchange;
    const reply = await ask(
      {
        scheme,
        destination,
        authority: host,
        path: pathname + search,
        headers: [
          ["content-type", "application/json"],
          ["accept", "application/json"],
          ...head.headers.filter(([name]) => passedOn.has(name.toLowerCase())),
        ],
        body: Buffer.from(JSON.stringify(operationFor(call, info, lib)), "utf8"),
      },
      maxAnswerBytes,
      AbortSignal.any([signal, deadline(timeoutMs)]),
    );
    return valueIn(reply, info, decodeBody, lib);
  };
}

/** The field with all its selections, in an operation of its own. */
function operationFor(
  call: MockCall,
  info: GraphQLResolveInfo,
  lib: GraphqlLibrary,
): Record<string, unknown> {
  const [first] = info.fieldNodes;
  const selections = info.fieldNodes.flatMap((node) => node.selectionSet?.selections ?? []);
  const field: FieldNode = {
    ...(first as FieldNode), // a field that is being resolved has a node
    ...(selections.length > 0 && { selectionSet: { kind: lib.Kind.SELECTION_SET, selections } }),
  };
  const operation: OperationDefinitionNode = {
    kind: lib.Kind.OPERATION_DEFINITION,
    operation: info.operation.operation,
    selectionSet: { kind: lib.Kind.SELECTION_SET, selections: [field] },
  };
  const fragments = new Map(Object.entries(info.fragments));
  const used = usedIn(operation, fragments, lib);
  const variableDefinitions = (info.operation.variableDefinitions ?? []).filter((one) =>
    used.variables.has(one.variable.name.value),
  );
  const document = lib.visit(
    { kind: lib.Kind.DOCUMENT, definitions: [{ ...operation, variableDefinitions }, ...used.fragments] },
    { SelectionSet: (node, _key, parent) => (isOperation(parent) ? undefined : withTypeName(node, lib)) },
  );
  const variables = Object.entries(call.variables).filter(([name]) => used.variables.has(name));
  return { query: lib.print(document), variables: Object.fromEntries(variables) };
}

function isOperation(parent: unknown): boolean {
  return isRecord(parent) && parent.kind === "OperationDefinition";
}

function withTypeName<T extends { readonly selections: readonly unknown[] }>(set: T, lib: GraphqlLibrary): T {
  const { Kind } = lib;
  const name = (value: string) => ({ kind: Kind.NAME, value });
  const typeName = { kind: Kind.FIELD, alias: name(typeNameAlias), name: name("__typename") };
  return { ...set, selections: [...set.selections, typeName] };
}

function valueIn(
  reply: OwnReply,
  info: GraphQLResolveInfo,
  decodeBody: GraphqlDeps["decodeBody"],
  lib: GraphqlLibrary,
): unknown {
  const encoding = reply.headers.find(([name]) => name.toLowerCase() === "content-encoding")?.[1];
  const plain = decodeBody(reply.body, encoding, maxAnswerBytes);
  const value: unknown = plain === null ? null : JSON.parse(Buffer.from(plain).toString("utf8"));
  if (!isRecord(value)) throw new Error(`proxy: expected a GraphQL result, got status ${reply.status}`);
  const data = isRecord(value.data) ? value.data[info.path.key] : null;
  const [error] = Array.isArray(value.errors) ? value.errors : [];
  if ((data === null || data === undefined) && isRecord(error)) throw new Error(String(error.message));
  return relayedValue(data, lib.isCompositeType(lib.getNamedType(info.returnType)));
}
