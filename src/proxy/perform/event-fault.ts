// Harm done to single events of a response that is an event stream. Every other response passes untouched.

import { type Clock, pause } from "../../core/clock.ts";
import type { Effect } from "../../core/effect.ts";
import { UnderstudyError } from "../../core/errors.ts";
import { headerValue } from "../../core/headers.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import type { EventFaultSpec } from "../../core/rule-websocket.ts";
import { sampleDelayMs } from "./delay.ts";
import { EventSplitter } from "./event-stream.ts";
import { type Span, transformedBody, withBody } from "./streamed-reply.ts";

export interface EventFaultDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes of one event; a larger one, and all behind it, passes untouched. */
  readonly maxBodyBytes: number;
}

export function eventFault(spec: EventFaultSpec, deps: EventFaultDeps): Effect {
  return {
    kind: "events",
    fault: true,
    async apply(exchange, next) {
      const reply = await next(exchange);
      if (reply.kind !== "response") return reply;
      if (!isEventStream(headerValue(reply.headers, "content-type"))) return reply;
      if (headerValue(reply.headers, "content-encoding") !== undefined) {
        exchange.note?.("fault.events: left unchanged, because the stream is compressed");
        return reply;
      }
      const disturb = (chunks: AsyncIterable<Uint8Array>, span: Span) => disturbed(chunks, spec, deps, span);
      const body = transformedBody(reply.body, disturb, exchange);
      const lengthChanges = spec.drop || spec.copies > 0;
      return withBody(reply, lengthChanges ? { ...body, lengthBytes: null } : body);
    },
  };
}

function isEventStream(type: string | undefined): boolean {
  return type?.split(";", 1)[0]?.trim().toLowerCase() === "text/event-stream";
}

/** The stream with the fault applied to each event behind the first `afterEvents`. Throws `body_cut` where it is cut. */
async function* disturbed(
  chunks: AsyncIterable<Uint8Array>,
  spec: EventFaultSpec,
  deps: EventFaultDeps,
  span: Span,
): AsyncGenerator<Uint8Array> {
  const splitter = new EventSplitter();
  const random = spec.seed === null ? deps.random : seededRandom(spec.seed);
  let seen = 0;
  let tooLarge = false;
  for await (const chunk of chunks) {
    if (tooLarge) {
      yield chunk;
      continue;
    }
    for (const { bytes, isEvent } of splitter.push(chunk)) {
      const spared =
        span.faultEnds?.aborted || !isEvent || seen++ < spec.afterEvents || random.next() >= spec.probability;
      if (spared) yield bytes;
      else yield* struck(bytes, spec, random, deps.clock, span);
    }
    tooLarge = splitter.pendingBytes > deps.maxBodyBytes;
    if (tooLarge) yield splitter.rest();
  }
  const rest = splitter.rest();
  if (rest.length > 0) yield rest;
}

async function* struck(
  bytes: Buffer,
  spec: EventFaultSpec,
  random: Random,
  clock: Clock,
  { signal, faultEnds }: Span,
): AsyncGenerator<Uint8Array> {
  if (spec.cut) throw new UnderstudyError("body_cut", `fault.events: cut after ${spec.afterEvents} events`);
  if (spec.drop) return;
  if (spec.delay) await pause(clock, sampleDelayMs(spec.delay, random), signal, faultEnds);
  for (let copy = 0; copy <= spec.copies; copy++) yield bytes;
}
