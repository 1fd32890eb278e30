// Harm done to a call: time, bytes, and the end of the connection.

import { z } from "zod";
import type { AbortSpec, FaultSpec } from "../../../core/rule.ts";
import { delay } from "./delay.ts";
import { eventFault } from "./events.ts";
import { across, exactlyOne, mapping, notYet } from "./mapping.ts";
import { duration, size } from "./quantity.ts";
import { finalStatus } from "./respond.ts";
import { webSocketFault } from "./websocket.ts";

const severs = ["reset", "close", "hang"] as const;
const flag = z.literal(true, "true").exactOptional();
const abortKeys = ["httpStatus", ...severs];
const abortExpected = "reset, close, hang, or {httpStatus: 503}";

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
          ...notYet("grpcStatus"),
        }),
        exactlyOne(abortKeys),
      ).transform((written): AbortSpec => {
        if (written.httpStatus !== undefined) return { kind: "httpStatus", status: written.httpStatus };
        return { kind: severs.find((kind) => written[kind] === true) ?? "reset" };
      }),
    ],
    { error: abortExpected },
  )
  .describe("End the call: reset, close, hang, or {httpStatus: 503}.");

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

const truncate = mapping("a mapping {afterBytes}", {
  afterBytes: size("bytes as a number or such as 1KiB", { min: 0 }).describe(
    "Response bytes that still arrive.",
  ),
  ...notYet("afterMessages"),
}).transform((written) => ({ afterBytes: written.afterBytes }));

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

const parts = {
  delay: delay.exactOptional().describe("Time to wait before the call goes on."),
  abort: abort.exactOptional(),
  throttle: throttle.exactOptional(),
  slice: slice.exactOptional().describe("The response body in small pieces with waits between them."),
  truncate: truncate.exactOptional().describe("Cut the response body and sever the connection."),
  corrupt: corrupt.exactOptional().describe("Change bytes of the response body."),
  websocket: webSocketFault.exactOptional().describe("Disturb messages of a WebSocket."),
  events: eventFault.exactOptional().describe("Disturb single events of an event stream."),
};

export const fault = across(
  mapping("a mapping of faults such as delay, abort", { ...parts, ...notYet("http2") }),
  (written, complain, lacks) => {
    const others = Object.keys(written).filter((key) => key !== "websocket");
    if ("websocket" in written && others.length > 0)
      complain(`expected websocket alone: ${others.join(" and ")} works on the whole call`, "websocket");
    if (Object.keys(written).length === 0)
      lacks(`expected at least one of ${Object.keys(parts).join(", ")}, got {}`);
  },
).transform(
  (written): FaultSpec => ({
    delay: written.delay ?? null,
    abort: written.abort ?? null,
    throttle: written.throttle ?? null,
    slice: written.slice ?? null,
    truncate: written.truncate ?? null,
    corrupt: written.corrupt ?? null,
    ...(written.websocket === undefined ? {} : { websocket: written.websocket }),
    ...(written.events === undefined ? {} : { events: written.events }),
  }),
);
