// Conditions on one message: those of bodies. What can be told from the bytes as they stand is, because a busy WebSocket
// asks for every message.

import type { CompilePayloadTest, PayloadTest } from "../../core/payload.ts";
import type { BodyMatch } from "../../core/rule.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import { type BodyTools, bodyKey } from "./body-match.ts";
import { Call } from "./call.ts";

/** What tests of messages are made with; `tools` as for bodies. */
export function payloadTests(tools: BodyTools): CompilePayloadTest {
  return (match, path) => compilePayload(match, path, tools);
}

function compilePayload(match: BodyMatch, path: RulePath, tools: BodyTools): PayloadTest {
  switch (match.op) {
    case "contains":
      return containing(Buffer.from(match.value, "utf8"));
    case "equalTo": {
      const wanted = Buffer.from(match.value, "utf8");
      return (bytes, from, to) => to - from === wanted.length && standsAt(bytes, from, wanted);
    }
    case "binaryPrefix": {
      const wanted = match.value;
      return (bytes, from, to, binary) =>
        binary && to - from >= wanted.length && standsAt(bytes, from, wanted);
    }
    case "and": {
      const tests = match.of.map((item, i) => compilePayload(item, [...path, "and", i], tools));
      return (bytes, from, to, binary) => tests.every((test) => test(bytes, from, to, binary));
    }
    case "or": {
      const tests = match.of.map((item, i) => compilePayload(item, [...path, "or", i], tools));
      return (bytes, from, to, binary) => tests.some((test) => test(bytes, from, to, binary));
    }
    case "not": {
      const test = compilePayload(match.of, [...path, "not"], tools);
      return (bytes, from, to, binary) => !test(bytes, from, to, binary);
    }
    default:
      return asBody(match, path, tools);
  }
}

/** Text and JSON need the message as a whole; a binary message is none of both. */
function asBody(match: BodyMatch, path: RulePath, tools: BodyTools): PayloadTest {
  const key = bodyKey(match, path, tools);
  const call = new Call();
  return (bytes, from, to, binary) => {
    if (binary) return false;
    call.reset(undefined, undefined, undefined, bytes.subarray(from, to));
    const holds = key.test(call);
    call.reset();
    return holds;
  };
}

/**
 * Horspool's search: the byte under the end of the window says how far the window may move, so that of a message that
 * does not hold the text few bytes are looked at.
 */
function containing(wanted: Buffer): PayloadTest {
  const last = wanted.length - 1;
  const steps = new Uint16Array(256).fill(Math.min(wanted.length, 65_535));
  for (let i = 0; i < last; i++) steps[wanted[i] ?? 0] = Math.min(last - i, 65_535);
  return (bytes, from, to) => {
    for (let at = from; at + last < to; ) {
      const end = bytes[at + last] ?? 0;
      if (end === wanted[last] && standsAt(bytes, at, wanted)) return true;
      at += steps[end] ?? 1;
    }
    return false;
  };
}

function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
