// The deadline that a client set for its call, kept while we hold the call up: as a server would, we answer
// DEADLINE_EXCEEDED once it has passed.

import { streamBody } from "../../../../core/body.ts";
import type { Clock } from "../../../../core/clock.ts";
import type { Effect } from "../../../../core/effect.ts";
import type { Exchange, Reply } from "../../../../core/exchange.ts";
import { flavourOf } from "./flavour.ts";
import { statusReply } from "./reply.ts";
import type { Status } from "./status.ts";
import { timeoutMsOf } from "./timeout.ts";

const exceeded = new Error("the deadline of the call has passed");

/** The status of a call that its deadline has ended; null: it has not. */
export function exceededStatus(signal: AbortSignal): Status | null {
  return signal.aborted && signal.reason === exceeded
    ? { code: 4, text: exceeded.message, details: [] }
    : null;
}

/** Stands outside everything that takes time. A call without a deadline passes untouched. `forFault`: because of a fault. */
export function deadlineEffect(clock: Clock, forFault: boolean): Effect {
  return {
    kind: "deadline",
    fault: false,
    forFault,
    async apply(exchange, next) {
      const timeoutMs = timeoutMsOf(exchange.head);
      const flavour = timeoutMs === null ? null : flavourOf(exchange.head);
      if (timeoutMs === null || flavour === null) return next(exchange);
      const { signal, expired, stop } = startTimer(exchange, timeoutMs, clock);
      try {
        const reply = await Promise.race([next({ ...exchange, signal }), expired]);
        if (reply !== null) return stoppedAfter(reply, stop);
      } catch (thrown) {
        stop();
        if (exceededStatus(signal) === null) throw thrown;
      }
      exchange.note?.(exceeded.message);
      return statusReply(flavour, 4, exceeded.message);
    },
  };
}

function startTimer(exchange: Exchange, timeoutMs: number, clock: Clock) {
  const controller = new AbortController();
  const onLeave = () => controller.abort(exchange.signal.reason);
  if (exchange.signal.aborted) onLeave();
  exchange.signal.addEventListener("abort", onLeave, { once: true });
  const { promise: expired, resolve } = Promise.withResolvers<null>();
  const timer = clock.after(
    timeoutMs,
    () => {
      controller.abort(exceeded);
      resolve(null);
    },
    { background: true },
  );
  const stop = () => {
    timer.cancel();
    exchange.signal.removeEventListener("abort", onLeave);
  };
  return { signal: controller.signal, expired, stop };
}

/** The timer runs until the last byte, because messages may wait, too. */
function stoppedAfter(reply: Reply, stop: () => void): Reply {
  if (reply.kind !== "response" || reply.body.lengthBytes === 0) {
    stop();
    return reply;
  }
  const { status, reason, headers, body } = reply;
  const chunks = async function* () {
    try {
      yield* body.chunks();
    } finally {
      stop();
    }
  };
  return {
    kind: "response",
    status,
    reason,
    headers,
    body: streamBody(body.lengthBytes, chunks, () => body.trailers()),
  };
}
