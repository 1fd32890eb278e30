// A mocked event stream: a script of events with times, sent as they fall due for as long as the client stays.

import { streamBody } from "../../core/body.ts";
import type { Clock } from "../../core/clock.ts";
import type { Exchange, Handler } from "../../core/exchange.ts";
import { type HeaderList, headerValue } from "../../core/headers.ts";
import type { Random } from "../../core/random.ts";
import type { ReplySpec } from "../../core/rule.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import type { EventStep } from "../../core/rule-websocket.ts";
import { waitFor } from "./delay.ts";
import { writeEvent } from "./event-stream.ts";
import { preparePayload, type RenderPayload } from "./message-payload.ts";
import type { ReplyTemplateDeps } from "./reply-template.ts";

export interface EventDeps extends ReplyTemplateDeps {
  readonly clock: Clock;
  readonly random: Random;
}

type RunStep = (exchange: Exchange) => AsyncGenerator<Uint8Array>;

/** `path`: the reply in its rule. Throws RuleProblem for a template that is wrong in itself. */
export function prepareEvents(
  spec: ReplySpec,
  steps: readonly EventStep[],
  path: RulePath,
  deps: EventDeps,
): Handler {
  const run = inOrder(steps, [...path, "events"], deps);
  const headers = withStreamFields(spec.headers);
  return async (exchange) => {
    if (spec.delay) await waitFor(spec.delay, deps, exchange.signal, exchange.faultEnds);
    const body = streamBody(null, () => run(exchange));
    return { kind: "response", status: spec.status, reason: spec.reason, headers, body };
  };
}

/** HTML Living Standard §9.2.5: the type; and what keeps caches from answering with old events. */
function withStreamFields(headers: HeaderList): HeaderList {
  const fields: [string, string][] = [];
  if (headerValue(headers, "content-type") === undefined) fields.push(["content-type", "text/event-stream"]);
  if (headerValue(headers, "cache-control") === undefined) fields.push(["cache-control", "no-cache"]);
  return [...headers, ...fields];
}

function inOrder(steps: readonly EventStep[], path: RulePath, deps: EventDeps): RunStep {
  const runs = steps.map((step, index) => prepareStep(step, [...path, index], deps));
  return async function* (exchange) {
    for (const run of runs) yield* run(exchange);
  };
}

function prepareStep(step: EventStep, path: RulePath, deps: EventDeps): RunStep {
  if (step.kind === "repeat") {
    const body = inOrder(step.steps, [...path, "repeat", "steps"], deps);
    const times = step.times ?? Number.POSITIVE_INFINITY;
    return async function* (exchange) {
      for (let round = 0; round < times; round++) {
        yield* body(exchange);
        // Others have their turn, however short the loop.
        await new Promise<void>((resolve) => setImmediate(resolve));
        exchange.signal.throwIfAborted();
      }
    };
  }
  const render = step.data && preparePayload(step.data, [...path, "data"], deps);
  return async function* (exchange) {
    if (step.delay) await waitFor(step.delay, deps, exchange.signal);
    else exchange.signal.throwIfAborted();
    yield Buffer.from(writeEvent({ ...step, data: await textOf(render, exchange) }), "utf8");
  };
}

async function textOf(render: RenderPayload | null, exchange: Exchange): Promise<string | null> {
  if (!render) return null;
  const { bytes } = await render(exchange);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}
