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

/** Beyond this the engine's own search is faster than a loop. */
const shortBytes = 512;

function containing(wanted: Buffer): PayloadTest {
  const first = wanted[0] ?? 0;
  const { length } = wanted;
  return (bytes, from, to) => {
    if (to - from > shortBytes)
      return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).includes(wanted);
    for (let at = from, last = to - length; at <= last; at++)
      if (bytes[at] === first && standsAt(bytes, at, wanted)) return true;
    return false;
  };
}

function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
