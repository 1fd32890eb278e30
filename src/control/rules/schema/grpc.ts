// The words of gRPC in a rule: which calls, what is answered, what harm is done to messages, what is changed in them.

import * as z from "zod";
import { grpcStatusNames, grpcStatusOf } from "../../../core/grpc-status.ts";
import type {
  GrpcFaultSpec,
  GrpcMatchSpec,
  GrpcMessageSpec,
  GrpcReplySpec,
} from "../../../core/rule-grpc.ts";
import { body } from "./body.ts";
import { delay } from "./delay.ts";
import { headerFields, headerMatches } from "./header.ts";
import { across, exactlyOne, mapping, type Written } from "./mapping.ts";
import { text, textMatch } from "./text.ts";

const calls = mapping("a mapping {service, method}", {
  service: textMatch.exactOptional().describe("Full name with its package: shop.v1.Inventory."),
  method: textMatch.exactOptional().describe("Name of the method, without its service."),
});

/** Keys of a selection. */
export const grpcSelection = {
  grpc: calls.exactOptional().describe("gRPC, gRPC-Web and Connect calls; {} for all of them."),
  message: body
    .exactOptional()
    .describe("Beside grpc: operators on the first message of the request, as JSON."),
  metadata: headerMatches.exactOptional().describe("Beside grpc: metadata of the call, by name."),
};

export function checkGrpcSelection(written: Written, complain: (message: string, key: string) => void): void {
  if ("message" in written && !("grpc" in written || "websocket" in written))
    complain("only means something next to grpc or websocket ({} for any)", "message");
  if ("metadata" in written && !("grpc" in written))
    complain("only means something next to grpc (grpc: {} for every gRPC call)", "metadata");
}

type Keys = { readonly [K in keyof typeof grpcSelection]?: z.output<(typeof grpcSelection)[K]> };

/** The keys of gRPC in a selection, gathered. */
export function gatherGrpc({ grpc, message, metadata }: Keys): { readonly grpc?: GrpcMatchSpec } {
  if (grpc === undefined) return {};
  return {
    grpc: {
      service: grpc.service ?? null,
      method: grpc.method ?? null,
      message: message ?? null,
      metadata: metadata ?? [],
    },
  };
}

const statusExpected = `a status of gRPC such as OK, NOT_FOUND, UNAVAILABLE, or its number`;

export const grpcStatus = z
  .union(
    [
      z.int().min(0, statusExpected).max(16, statusExpected),
      z.enum(grpcStatusNames).transform((name) => grpcStatusOf(name) ?? 2),
    ],
    {
      error: statusExpected,
    },
  )
  .describe("OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, … or 0 to 16.");

const statusText = z.string("text").max(8_192, "at most 8192 characters");

const jsonMessage = z.record(z.string(), z.unknown(), "a mapping: the fields of the message");

const detail = z
  .looseObject(
    { "@type": text("a type such as google.rpc.ErrorInfo").describe("Full name of the type.") },
    "a mapping with @type",
  )
  .describe('A message with its type: {"@type": google.rpc.ErrorInfo, reason: OUT_OF_STOCK}.');

const oneOfSeveral = mapping("a mapping {message, delay, afterMessages}", {
  message: z.unknown().describe("Fields of the message, as JSON."),
  delay: delay.exactOptional().describe("Wait before this message."),
  afterMessages: z
    .int("a whole number")
    .min(0, "a number from 0")
    .max(1_000_000, "at most 1000000")
    .exactOptional()
    .describe("Sent once so many request messages have come, or the request has ended. Default 0."),
}).transform(
  (written): GrpcMessageSpec => ({
    value: written.message,
    delay: written.delay ?? null,
    afterMessages: written.afterMessages ?? 0,
  }),
);

/** What `status`, its text and `details` become: said twice, no client would know how the call has ended. */
const ofStatus = new Set(["grpc-status", "grpc-message", "grpc-status-details-bin"]);

const metadataFields = headerFields.superRefine((fields, context) => {
  for (const [name] of fields)
    if (ofStatus.has(name.toLowerCase())) {
      const message = "says how the call ends, as status, message and details do";
      context.addIssue({ code: "custom", path: [name], message });
    }
});

const shape = {
  status: grpcStatus.exactOptional(),
  message: z
    .union([statusText, jsonMessage], { error: "the fields of a message, or the text of a status" })
    .exactOptional()
    .describe("The message that is answered; a text is that of the status."),
  messages: z
    .array(oneOfSeveral, "a list of {message, delay}")
    .max(10_000, "at most 10000 messages")
    .exactOptional()
    .describe("Messages of a stream, in turn, each {message, delay, afterMessages}."),
  details: z
    .array(detail, "a list of details with @type")
    .max(100, "at most 100 details")
    .exactOptional()
    .describe("Details of the status (google.rpc.Status)."),
  metadata: metadataFields.exactOptional().describe("Metadata sent before the messages."),
  trailers: metadataFields.exactOptional().describe("Metadata sent after the messages."),
  template: z
    .boolean("true or false")
    .exactOptional()
    .describe("Strings of messages and the status text are Handlebars templates over request."),
  delay: delay.exactOptional().describe("Time to wait before the reply."),
};

/** `respond: {grpc: …}` */
export const grpcReply = across(
  mapping("a mapping {status, message, messages, details, metadata, trailers}", shape),
  (written, complain, lacks) => {
    if (Object.keys(written).length === 0) lacks("expected at least status or message, got {}");
    if ("messages" in written && typeof written.message === "object")
      complain("expected either message or messages, got both");
  },
).transform((written): GrpcReplySpec => {
  const { message } = written;
  const code = written.status ?? 0;
  const isText = typeof message === "string" && (code !== 0 || written.messages !== undefined);
  const single = message === undefined || isText ? [] : [{ value: message, delay: null, afterMessages: 0 }];
  return {
    kind: "grpc",
    code,
    text: isText ? message : "",
    messages: written.messages ?? single,
    listed: written.messages !== undefined,
    details: written.details ?? [],
    metadata: written.metadata ?? [],
    trailers: written.trailers ?? [],
    template: written.template ?? false,
    delay: written.delay ?? null,
  };
});

const abortExpected = "reset, or {grpcStatus: UNAVAILABLE, message: …}";
const status = mapping(abortExpected, {
  grpcStatus,
  message: statusText.exactOptional().describe("What the status says."),
});
const count = z
  .int("a number of messages")
  .min(0, "a number of messages from 0")
  .max(1_000_000_000, "a number of messages");

export const afterMessages = count.describe("Messages of the response that still arrive.");

/** `fault: {grpc: …}` */
export const grpcFault = across(
  mapping("a mapping {afterMessages, abort}", {
    afterMessages: afterMessages.exactOptional(),
    abort: z
      .union(
        [
          z.literal("reset").transform(() => ({ kind: "reset" as const })),
          status.transform(({ grpcStatus: code, message = "" }) => ({
            kind: "status" as const,
            code,
            text: message,
          })),
        ],
        { error: abortExpected },
      )
      .exactOptional()
      .describe("How the stream ends instead: with a status, or reset."),
    halfMessage: z
      .literal(true, "true")
      .exactOptional()
      .describe("true: half of the next message is sent, then the stream is reset."),
  }),
  exactlyOne(["abort", "halfMessage"]),
).transform(
  (written): GrpcFaultSpec => ({
    afterMessages: written.afterMessages ?? 0,
    how: written.abort ?? { kind: "halfMessage" },
  }),
);

/** Where the descriptors of messages are found. */
export const descriptors = z
  .union(
    [
      text("the path of a .proto file, a folder of them, or a descriptor set", 4_096).transform((one) => [
        one,
      ]),
      z
        .array(text("the path of a .proto file, a folder of them, or a descriptor set", 4_096))
        .min(1, "at least one path")
        .max(100, "at most 100 paths"),
    ],
    { error: "a path, or a list of paths" },
  )
  .describe(
    "Where gRPC messages are described: .proto files, folders of them (import roots), descriptor sets.",
  );
