// Harm done to a call: time, bytes, and the end of the connection.

import * as z from "zod";
import { http2Codes } from "../../../core/http2-codes.ts";
import type { AbortSpec, FaultSpec } from "../../../core/rule.ts";
import type { GrpcFaultSpec } from "../../../core/rule-grpc.ts";
import { delay } from "./delay.ts";
import { eventFault } from "./events.ts";
import { afterMessages, grpcFault, grpcStatus } from "./grpc.ts";
import { across, exactlyOne, isMapping, mapping } from "./mapping.ts";
import { duration, size } from "./quantity.ts";
import { finalStatus } from "./respond.ts";
import { text } from "./text.ts";
import { webSocketFault } from "./websocket.ts";

const severs = ["reset", "close", "hang"] as const;
const flag = z.literal(true, "true").exactOptional();
const abortKeys = ["httpStatus", "grpcStatus", ...severs];
const abortExpected = "reset, close, hang, {httpStatus: 503} or {grpcStatus: UNAVAILABLE}";

const abort = z
  .union(
    [
      z.enum(severs).transform((kind): AbortSpec => ({ kind })),
      across(
        mapping(abortExpected, {
          httpStatus: finalStatus
            .exactOptional()
            .describe("Answer with this status and no body of the service."),
          reset: flag.describe("true: end the connection with a TCP reset."),
          close: flag.describe("true: end the connection without a reply."),
          hang: flag.describe("true: keep silent until the client leaves."),
          grpcStatus: grpcStatus.exactOptional(),
          message: text("text", 8_192).exactOptional().describe("grpcStatus: what the status says."),
        }),
        (written, complain, lacks) => {
          exactlyOne(abortKeys)(written, complain, lacks);
          if ("message" in written && !("grpcStatus" in written))
            complain("only means something next to grpcStatus", "message");
        },
      ).transform((written): AbortSpec => {
        if (written.httpStatus !== undefined) return { kind: "httpStatus", status: written.httpStatus };
        const { grpcStatus: code, message = "" } = written;
        if (code !== undefined) return { kind: "grpcStatus", code, text: message };
        return { kind: severs.find((kind) => written[kind] === true) ?? "reset" };
      }),
    ],
    { error: abortExpected },
  )
  .describe("End the call: reset, close, hang, {httpStatus: 503} or {grpcStatus: UNAVAILABLE}.");

const codeNames = Object.keys(http2Codes) as [string, ...string[]]; // the table is not empty
const http2Code = z
  .union([z.int().min(0).max(0xffff_ffff), z.enum(codeNames).transform((name) => http2Codes[name] ?? 0)], {
    error: "an error code of HTTP/2 such as REFUSED_STREAM, or its number",
  })
  .describe("NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, … (RFC 9113 §7), or its number.");

const http2 = across(
  mapping("a mapping {resetStream} or {goAway}", {
    resetStream: http2Code.exactOptional(),
    goAway: http2Code.exactOptional(),
  }),
  exactlyOne(["resetStream", "goAway"]),
)
  .transform(
    ({ resetStream, goAway }): AbortSpec =>
      resetStream === undefined
        ? { kind: "goAway", code: goAway ?? 0 }
        : { kind: "resetStream", code: resetStream },
  )
  .describe("End the call by RST_STREAM or GOAWAY; over HTTP/1 the connection is reset.");

const rate = size("bytes per second as a number or such as 64KiB", { min: 1, perSecond: true });

const throttle = z
  .union(
    [
      rate.transform((bytes) => ({ upBytesPerSecond: bytes, downBytesPerSecond: bytes })),
      across(
        mapping("a rate such as 64KiB, or {up: …, down: …}", {
          up: rate.exactOptional().describe("Request bytes per second."),
          down: rate.exactOptional().describe("Response bytes per second."),
        }),
        (written, _complain, lacks) => {
          if (!("up" in written || "down" in written)) lacks("expected up, down or both, got none of them");
        },
      ).transform((written) => ({
        upBytesPerSecond: written.up ?? null,
        downBytesPerSecond: written.down ?? null,
      })),
    ],
    { error: "bytes per second as a number or such as 64KiB, or {up: …, down: …}" },
  )
  .describe("Bytes per second, both ways or {up, down}: 64KiB, 1MB, or a number.");

const slice = mapping("a mapping {bytes, delay}", {
  bytes: size("bytes as a number or such as 1KiB", { min: 1 }).describe("Length of a piece."),
  delay: duration().exactOptional().describe("Wait between two pieces. Default none."),
}).transform((written) => ({ bytes: written.bytes, delayMs: written.delay ?? 0 }));

const truncate = across(
  mapping("a mapping {afterBytes} or {afterMessages}", {
    afterBytes: size("bytes as a number or such as 1KiB", { min: 0 })
      .exactOptional()
      .describe("Response bytes that still arrive."),
    afterMessages: afterMessages.exactOptional(),
  }),
  exactlyOne(["afterBytes", "afterMessages"]),
);

const corrupt = mapping("a mapping {probability}", {
  probability: z
    .number("a number from 0 to 1")
    .min(0, "a number from 0 to 1")
    .max(1, "a number from 0 to 1")
    .describe("Chance of each response byte to be changed, 0 to 1."),
  seed: z
    .int("a whole number from 0 to 4294967295")
    .min(0, "a whole number from 0 to 4294967295")
    .max(0xffff_ffff, "a whole number from 0 to 4294967295")
    .exactOptional()
    .describe("Makes the same bytes break each time."),
}).transform((written) => ({ probability: written.probability, seed: written.seed ?? null }));

/** A stream cut after so many messages is the harm of gRPC under a shorter name. */
function grpcOf(
  written: GrpcFaultSpec | undefined,
  cutAfter: number | undefined,
): { readonly grpc?: GrpcFaultSpec } {
  if (cutAfter !== undefined) return { grpc: { afterMessages: cutAfter, how: { kind: "reset" } } };
  return written === undefined ? {} : { grpc: written };
}

const parts = {
  delay: delay.exactOptional().describe("Time to wait before the call goes on."),
  abort: abort.exactOptional(),
  throttle: throttle.exactOptional(),
  slice: slice.exactOptional().describe("The response body in small pieces with waits between them."),
  truncate: truncate.exactOptional().describe("Cut the response body and sever the connection."),
  corrupt: corrupt.exactOptional().describe("Change bytes of the response body."),
  grpc: grpcFault.exactOptional().describe("Harm after so many messages of a gRPC response."),
  http2: http2.exactOptional(),
  websocket: webSocketFault.exactOptional().describe("Disturb messages of a WebSocket."),
  events: eventFault.exactOptional().describe("Disturb single events of an event stream."),
};

export const fault = across(
  mapping("a mapping of faults such as delay, abort", parts),
  (written, complain, lacks) => {
    const others = Object.keys(written).filter((key) => key !== "websocket");
    if ("websocket" in written && others.length > 0)
      complain(`expected websocket alone: ${others.join(" and ")} works on the whole call`, "websocket");
    const { truncate: cut } = written;
    if (isMapping(cut) && "afterMessages" in cut && "grpc" in written)
      complain("expected either truncate.afterMessages or grpc, got both", "grpc");
    if ("http2" in written && "abort" in written)
      complain("expected either abort or http2, got both: each ends the call", "http2");
    if (Object.keys(written).length === 0)
      lacks(`expected at least one of ${Object.keys(parts).join(", ")}, got {}`);
  },
).transform(
  (written): FaultSpec => ({
    delay: written.delay ?? null,
    abort: written.abort ?? written.http2 ?? null,
    throttle: written.throttle ?? null,
    slice: written.slice ?? null,
    truncate: written.truncate?.afterBytes === undefined ? null : { afterBytes: written.truncate.afterBytes },
    corrupt: written.corrupt ?? null,
    ...(written.websocket === undefined ? {} : { websocket: written.websocket }),
    ...(written.events === undefined ? {} : { events: written.events }),
    ...grpcOf(written.grpc, written.truncate?.afterMessages),
  }),
);
