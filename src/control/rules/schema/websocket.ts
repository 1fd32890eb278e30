// WebSockets in the written format: which ones a rule is about, scripts, faults of messages, changes to messages.

import * as z from "zod";
import type {
  ScriptStep,
  SocketFaultSpec,
  SocketPatchSpec,
  WebSocketMatch,
} from "../../../core/rule-websocket.ts";
import { body } from "./body.ts";
import { delay } from "./delay.ts";
import { across, atMostOne, exactlyOne, mapping, type Written } from "./mapping.ts";
import { messagePayload } from "./message-payload.ts";
import { duration } from "./quantity.ts";
import { pathMatch, textMatch } from "./text.ts";

const way = z.enum(["toUpstream", "toDownstream"], "toUpstream or toDownstream").exactOptional();

/** `websocket` of one item of `matches`. */
export const webSocketMatch = mapping("a mapping of keys such as path, subprotocol ({} for any WebSocket)", {
  path: pathMatch.exactOptional().describe("Path of the upgrade request without its query."),
  subprotocol: textMatch.exactOptional().describe("Any of the subprotocols that the client offers."),
  direction: way.describe(
    "Messages that the rule touches: toUpstream, what the client sends; toDownstream, what it gets. Both where left out.",
  ),
}) satisfies z.ZodType<WebSocketMatch>;

const codeExpected = "a close code: 1000 to 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 §7.4)";

/** Codes that may stand in a close frame. */
const closeCode = z
  .int(codeExpected)
  .refine(
    (code) =>
      (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999),
    { message: codeExpected, params: { expectation: true } },
  );
const reasonExpected = "text of at most 123 bytes (RFC 6455 §5.5.1)";
const closeReason = z.string(reasonExpected).refine((text) => Buffer.byteLength(text) <= 123, {
  message: reasonExpected,
  params: { expectation: true },
});

const times = z
  .int("a whole number from 1 to 1000000")
  .min(1, "a whole number from 1 to 1000000")
  .max(1_000_000, "a whole number from 1 to 1000000");

const stepKinds = ["send", "expect", "wait", "close", "cut", "repeat"];
const severalSteps = "a list of steps, at least one";

/** A script: a list of steps. */
export const script: z.ZodType<readonly ScriptStep[]> = z
  .lazy(() =>
    z
      .array(step, severalSteps)
      .min(1, severalSteps)
      .max(1_000, "at most 1000 steps")
      .superRefine((steps, context) => {
        const end = steps.findIndex(isLast);
        if (end < 0 || end === steps.length - 1) return;
        const message = `never reached: ${steps[end]?.kind} before it is the last step`;
        context.addIssue({ code: "custom", message, path: [end + 1] });
      }),
  )
  .meta({ id: "script" });

/** Nothing comes behind it. */
function isLast(one: ScriptStep): boolean {
  return one.kind === "close" || one.kind === "cut" || (one.kind === "repeat" && one.times === null);
}

const close = z.union(
  [
    closeCode.transform((code) => ({ code, reason: "" })),
    mapping("a close code, or {code, reason}", {
      code: closeCode.describe("Close code."),
      reason: closeReason.exactOptional().describe("Reason, at most 123 bytes."),
    }).transform((written) => ({ code: written.code, reason: written.reason ?? "" })),
  ],
  { error: codeExpected },
);

const repeat = across(
  mapping("a mapping {steps, times}", {
    steps: script.describe("The steps to repeat."),
    times: times.exactOptional().describe("How often; as long as the connection lasts where left out."),
  }),
  (written, complain) => {
    if ("times" in written || !Array.isArray(written.steps)) return;
    if (!written.steps.some(takesTime))
      complain("expected a wait or an expect in a loop without times: it would never pause", "steps");
  },
);

/** Looks at steps that have been parsed, or at raw ones where something else is wrong. */
function takesTime(one: unknown): boolean {
  const found = Object(one) as Written;
  if (found.kind === "wait" || found.kind === "expect" || "wait" in found || "expect" in found) return true;
  const inner = found.kind === "repeat" ? found.steps : (Object(found.repeat) as Written).steps;
  return Array.isArray(inner) && inner.some(takesTime);
}

const step = across(
  mapping(`one of {${stepKinds.join("|")}}`, {
    send: messagePayload.exactOptional().describe("Send a message."),
    expect: z
      .union([z.literal("any").transform(() => null), body], { error: "any, or a body operator" })
      .exactOptional()
      .describe("Wait for a message that passes; others are passed over."),
    wait: delay.exactOptional().describe("Wait so long."),
    close: close.exactOptional().describe("Close with this code."),
    cut: z.literal(true, "true").exactOptional().describe("true: end the connection without a close."),
    repeat: repeat.exactOptional().describe("Repeat some steps."),
    direction: way.describe("send, expect: where the message travels. Left out: to, or from, the client."),
    within: duration({ minMs: 1 })
      .exactOptional()
      .describe("expect: close with 1008 where no such message comes in this time."),
  }),
  (written, complain, lacks) => {
    exactlyOne(stepKinds)(written, complain, lacks);
    if ("within" in written && !("expect" in written))
      complain("only means something next to expect", "within");
    if ("direction" in written && !("expect" in written || "send" in written))
      complain("only means something next to send or expect", "direction");
  },
).transform((written): ScriptStep => {
  const direction = written.direction ?? null;
  if (written.send !== undefined) return { kind: "send", payload: written.send, to: direction };
  if (written.wait !== undefined) return { kind: "wait", delay: written.wait };
  if (written.close !== undefined) return { kind: "close", ...written.close };
  if (written.cut !== undefined) return { kind: "cut" };
  if (written.repeat !== undefined)
    return { kind: "repeat", times: written.repeat.times ?? null, steps: written.repeat.steps };
  return {
    kind: "expect",
    match: written.expect ?? null,
    way: direction,
    withinMs: written.within ?? null,
  };
});

const countExpected = "true, or a whole number from 1 to 1000000";
const allOrSome = z.union([z.literal(true), times], { error: countExpected }).exactOptional();
const faultKinds = [
  "closeCode",
  "cut",
  "dropMessages",
  "delayMessages",
  "duplicateMessages",
  "reorderMessages",
];
const groupExpected = "a whole number from 2 to 100";
const chanceExpected = "a number from 0 to 1";

/** `websocket` of `fault`. */
export const webSocketFault = across(
  mapping("a mapping of faults such as closeCode, dropMessages", {
    closeCode: closeCode.exactOptional().describe("Close both ends; the client gets this code."),
    closeReason: closeReason.exactOptional().describe("closeCode: the reason, at most 123 bytes."),
    cut: z.literal(true, "true").exactOptional().describe("true: end both ends without a close."),
    dropMessages: allOrSome.describe("Drop messages: true for all, a number for so many."),
    delayMessages: delay.exactOptional().describe("Hold each message so long; those behind it wait."),
    duplicateMessages: allOrSome.describe("Send each message again: true for once, a number for so often."),
    reorderMessages: z
      .int(groupExpected)
      .min(2, groupExpected)
      .max(100, groupExpected)
      .exactOptional()
      .describe("Gather so many messages and send them last first."),
    ignorePings: z.literal(true, "true").exactOptional().describe("true: pings get no answer."),
    afterMessages: z
      .int("a whole number from 0")
      .min(0, "a whole number from 0")
      .max(1_000_000_000, "a whole number up to 1000000000")
      .exactOptional()
      .describe("So many messages pass untouched first."),
    probability: z
      .number(chanceExpected)
      .min(0, chanceExpected)
      .max(1, chanceExpected)
      .exactOptional()
      .describe("Chance of each message after those, 0 to 1. Default 1."),
    seed: z
      .int("a whole number from 0 to 4294967295")
      .min(0, "a whole number from 0 to 4294967295")
      .max(0xffff_ffff, "a whole number from 0 to 4294967295")
      .exactOptional()
      .describe("probability: makes the draws of each connection the same."),
  }),
  (written, complain, lacks) => {
    atMostOne(faultKinds, written, complain);
    if (![...faultKinds, "ignorePings"].some((key) => key in written))
      lacks(`expected at least one of ${[...faultKinds, "ignorePings"].join(", ")}, got none of them`);
    if ("closeReason" in written && !("closeCode" in written))
      complain("only means something next to closeCode", "closeReason");
  },
).transform(
  (written): SocketFaultSpec => ({
    afterMessages: written.afterMessages ?? 0,
    probability: written.probability ?? 1,
    seed: written.seed ?? null,
    close:
      written.closeCode === undefined ? null : { code: written.closeCode, reason: written.closeReason ?? "" },
    cut: written.cut ?? false,
    ignorePings: written.ignorePings ?? false,
    dropMessages: countOf(written.dropMessages, Number.POSITIVE_INFINITY),
    delay: written.delayMessages ?? null,
    copies: countOf(written.duplicateMessages, 1),
    reorder: written.reorderMessages ?? 0,
  }),
);

function countOf(written: true | number | undefined, all: number): number {
  return written === true ? all : (written ?? 0);
}

/** `websocket` of `patch`; `json`: the schema of JSON changes. */
export function webSocketPatch<J extends z.ZodType<NonNullable<SocketPatchSpec["json"]>>>(json: J) {
  return across(
    mapping("a mapping of changes such as json, replace, inject", {
      json: json.exactOptional().describe("Changes to a message that is JSON (RFC 7396 or RFC 6902)."),
      replace: messagePayload.exactOptional().describe("What each message becomes."),
      inject: script
        .exactOptional()
        .describe("A script that runs beside the live connection, from its beginning."),
    }),
    (written, complain, lacks) => {
      atMostOne(["json", "replace"], written, complain);
      if (Object.keys(written).length === 0) lacks("expected at least one of json, replace, inject, got {}");
    },
  ).transform(
    (written): SocketPatchSpec => ({
      replace: written.replace ?? null,
      json: written.json ?? null,
      inject: written.inject ?? [],
    }),
  );
}
