// Small changes to a call that otherwise goes through: headers, status, a few fields of JSON, the body.

import * as z from "zod";
import type { JsonPatchOperation, JsonPatchSpec, MessagePatch, PatchSpec } from "../../../core/rule.ts";
import { graphqlOverlay } from "./graphql.ts";
import { headerFields, headerNames } from "./header.ts";
import { across, atMostOne, type Complain, mapping, type Written } from "./mapping.ts";
import { finalStatus } from "./respond.ts";
import { webSocketPatch } from "./websocket.ts";

const pointerExpected = 'a JSON Pointer such as /user/plan, or "" for the whole';
/** RFC 6901 §3. */
const pointer = z.string(pointerExpected).regex(/^(?:\/(?:[^~/]|~[01])*)*$/, pointerExpected);

const needsValue = ["add", "replace", "test"];
const needsFrom = ["move", "copy"];
const opExpected = "add, remove, replace, move, copy or test";

/** One operation of RFC 6902 §4. A null `value` is a value; a missing one is not. */
const operation = across(
  mapping("a JSON Patch operation {op, path, …}", {
    op: z
      .enum(["add", "remove", "replace", "move", "copy", "test"], opExpected)
      .describe("What to do (RFC 6902)."),
    path: pointer.describe("JSON Pointer to the place."),
    from: pointer.exactOptional().describe("move, copy: JSON Pointer to the source."),
    value: z.unknown().exactOptional().describe("add, replace, test: the value."),
  }),
  (written, complain) => {
    const op = String(written.op);
    if (needsValue.includes(op) && !("value" in written))
      complain(`expected a value for ${op}, got nothing`, "value");
    if (needsFrom.includes(op) && !("from" in written))
      complain(`expected a JSON Pointer for ${op}, got nothing`, "from");
  },
).transform((written): JsonPatchOperation => {
  const { op, path } = written;
  switch (op) {
    case "add":
    case "replace":
    case "test":
      return { op, path, value: written.value };
    case "remove":
      return { op, path };
    default:
      return { op, path, from: written.from ?? "" };
  }
});

const jsonExpected = "a mapping (JSON Merge Patch) or a list of operations (JSON Patch)";

const json = z
  .union(
    [
      z
        .array(operation)
        .min(1, "at least one operation")
        .max(1_000, "at most 1000 operations")
        .transform((operations): JsonPatchSpec => ({ kind: "patch", operations })),
      z.record(z.string(), z.unknown()).transform((value): JsonPatchSpec => ({ kind: "merge", value })),
    ],
    { error: jsonExpected },
  )
  .describe("A mapping is merged in (RFC 7396: null removes); a list is applied (RFC 6902).");

const message = {
  setHeaders: headerFields.exactOptional().describe("Fields to set, in place of those of the same name."),
  removeHeaders: headerNames.exactOptional().describe("Names of fields to remove."),
  json: json.exactOptional(),
  body: z.string("text").exactOptional().describe("New body."),
};

function patchOf(written: z.output<z.ZodObject<typeof message>>): MessagePatch {
  return {
    setHeaders: written.setHeaders ?? [],
    removeHeaders: written.removeHeaders ?? [],
    json: written.json ?? null,
    body: written.body ?? null,
  };
}

function changesSomething(written: Written, complain: Complain, lacks: Complain): void {
  if (Object.keys(written).length === 0)
    lacks("expected at least one change such as setHeaders or json, got {}");
  atMostOne(["json", "body"], written, complain);
}

const request = across(mapping("a mapping of changes such as setHeaders, json", message), changesSomething);

const response = across(
  mapping("a mapping of changes such as status, setHeaders, json", {
    status: finalStatus.exactOptional().describe("New status code, 200 to 599."),
    ...message,
  }),
  changesSomething,
).transform((written) => ({ status: written.status ?? null, ...patchOf(written) }));

export const patch = across(
  mapping("a mapping {request, response}", {
    request: request
      .transform(patchOf)
      .exactOptional()
      .describe("Changes to the request before it is relayed."),
    response: response.exactOptional().describe("Changes to the response before the client gets it."),
    graphql: graphqlOverlay
      .exactOptional()
      .describe("Fields of a GraphQL answer that the rule answers; the rest is asked of the upstream."),
    websocket: webSocketPatch(json).exactOptional().describe("Changes to messages of a live WebSocket."),
    grpc: across(
      mapping("a mapping {request, response}", {
        request: json.exactOptional(),
        response: json.exactOptional(),
      }),
      (written, _complain, lacks) => {
        if (Object.keys(written).length === 0) lacks("expected request, response or both, got {}");
      },
    )
      .exactOptional()
      .describe("Changes to each gRPC message that passes, as JSON; unknown fields stay."),
  }),
  (written, complain, lacks) => {
    if (Object.keys(written).length === 0) lacks("expected request, response or graphql, got {}");
    const others = Object.keys(written).filter((key) => key !== "websocket");
    if ("websocket" in written && others.length > 0)
      complain(`expected websocket alone: ${others.join(" and ")} works on the whole call`, "websocket");
  },
).transform(
  (written): PatchSpec => ({
    request: written.request ?? null,
    response: written.response ?? null,
    ...(written.graphql && { graphql: written.graphql }),
    ...(written.websocket === undefined ? {} : { websocket: written.websocket }),
    ...(written.grpc && {
      grpc: { request: written.grpc.request ?? null, response: written.grpc.response ?? null },
    }),
  }),
);
