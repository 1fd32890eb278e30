// Event streams in the written format: a script of server-sent events, and faults of single events.

import * as z from "zod";
import type { EventFaultSpec, EventStep } from "../../../core/rule-websocket.ts";
import { delay } from "./delay.ts";
import { across, exactlyOne, mapping, type Written } from "./mapping.ts";
import { textPayload } from "./message-payload.ts";
import { duration } from "./quantity.ts";

const several = "a list of events, at least one";

/** `events` of a reply. */
export const events: z.ZodType<readonly EventStep[]> = z
  .lazy(() => z.array(step, several).min(1, several).max(10_000, "at most 10000 events"))
  .meta({ id: "events" });

const lineExpected = "one line of text";
const line = z.string(lineExpected).regex(/^[^\r\n\0]*$/, lineExpected);
const timesExpected = "a whole number from 1 to 1000000";
const times = z.int(timesExpected).min(1, timesExpected).max(1_000_000, timesExpected);

const fields = ["event", "data", "id", "retry", "comment"];

const repeat = across(
  mapping("a mapping {steps, times}", {
    steps: events.describe("The events to repeat."),
    times: times.exactOptional().describe("How often; as long as the client stays where left out."),
  }),
  (written, complain) => {
    if ("times" in written || !Array.isArray(written.steps) || written.steps.some(takesTime)) return;
    complain("expected a delay in a loop without times: it would never pause", "steps");
  },
);

function takesTime(one: unknown): boolean {
  const found = Object(one) as Written;
  if ((found.delay ?? null) !== null) return true;
  const inner = found.kind === "repeat" ? found.steps : (Object(found.repeat) as Written).steps;
  return Array.isArray(inner) && inner.some(takesTime);
}

const step = across(
  mapping(`an event: a mapping of ${fields.join(", ")}, delay; or {repeat}`, {
    event: line.exactOptional().describe("Type of the event; message where left out."),
    data: textPayload.exactOptional().describe("What it carries: text, {json}, or a template."),
    id: line.exactOptional().describe("What a client that comes back sends as Last-Event-ID."),
    retry: duration().exactOptional().describe("How long a client is to wait before it comes back."),
    comment: z.string("text").exactOptional().describe("A comment, which clients pass over."),
    delay: delay.exactOptional().describe("Time to wait before it."),
    repeat: repeat.exactOptional().describe("Repeat some events."),
  }),
  (written, complain, lacks) => {
    const found = fields.filter((key) => key in written);
    if ("repeat" in written && Object.keys(written).length > 1)
      complain(`expected repeat to stand alone, got ${Object.keys(written).join(" and ")}`);
    else if (found.length === 0 && !("repeat" in written))
      lacks(`expected at least one of ${fields.join(", ")}, or repeat`);
  },
).transform((written): EventStep => {
  if (written.repeat !== undefined)
    return { kind: "repeat", times: written.repeat.times ?? null, steps: written.repeat.steps };
  return {
    kind: "event",
    event: written.event ?? null,
    data: written.data ?? null,
    id: written.id ?? null,
    retryMs: written.retry ?? null,
    comment: written.comment ?? null,
    delay: written.delay ?? null,
  };
});

const faultKinds = ["drop", "delay", "duplicate", "cut"];
const chanceExpected = "a number from 0 to 1";
const seedExpected = "a whole number from 0 to 4294967295";

/** `events` of `fault`. */
export const eventFault = across(
  mapping("a mapping of faults such as drop, delay", {
    drop: z.literal(true, "true").exactOptional().describe("true: leave events out."),
    delay: delay.exactOptional().describe("Hold each event so long; those behind it wait."),
    duplicate: z
      .union([z.literal(true), times], { error: `true, or ${timesExpected}` })
      .exactOptional()
      .describe("Send each event again: true for once, a number for so often."),
    cut: z.literal(true, "true").exactOptional().describe("true: cut the stream."),
    afterEvents: z
      .int("a whole number from 0")
      .min(0, "a whole number from 0")
      .exactOptional()
      .describe("So many events pass untouched first."),
    probability: z
      .number(chanceExpected)
      .min(0, chanceExpected)
      .max(1, chanceExpected)
      .exactOptional()
      .describe("Chance of each event after those, 0 to 1. Default 1."),
    seed: z
      .int(seedExpected)
      .min(0, seedExpected)
      .max(0xffff_ffff, seedExpected)
      .exactOptional()
      .describe("probability: makes the draws of each stream the same."),
  }),
  exactlyOne(faultKinds),
).transform(
  (written): EventFaultSpec => ({
    afterEvents: written.afterEvents ?? 0,
    probability: written.probability ?? 1,
    seed: written.seed ?? null,
    drop: written.drop ?? false,
    delay: written.delay ?? null,
    copies: written.duplicate === true ? 1 : (written.duplicate ?? 0),
    cut: written.cut ?? false,
  }),
);
