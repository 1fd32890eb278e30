// The faults of a rule on a connection whose bytes are not parsed: raw TCP, TLS, HTTP/2 before its lane.

import type { Clock } from "../../core/clock.ts";
import type { ConnectionFault } from "../../core/connection-fault.ts";
import type { Random } from "../../core/random.ts";
import type { FaultSpec, RuleSpec } from "../../core/rule.ts";
import { isSevering, severingOf } from "./abort.ts";
import { chanceOf, corrupted } from "./corrupt.ts";
import { sampleDelayMs } from "./delay.ts";
import { sliced } from "./slice.ts";
import type { Span } from "./streamed-reply.ts";
import { throttled } from "./throttle.ts";
import { truncated } from "./truncate.ts";

/**
 * What the rule does to raw bytes: throttle `up` toUpstream; throttle `down`, slice, corrupt and truncate toDownstream.
 * null where it does nothing to them: without a fault, with `respond` or `patch` (it is about HTTP then), or with an
 * abort by HTTP status, which cannot be said to a peer that may not speak HTTP.
 */
export function planConnectionFault(
  spec: RuleSpec,
  deps: { clock: Clock; random: Random },
): ConnectionFault | null {
  const { fault } = spec;
  if (fault === null || spec.respond !== null || spec.patch !== null) return null;
  const delayMs = () => (fault.delay === null ? 0 : sampleDelayMs(fault.delay, deps.random));
  if (fault.abort !== null) {
    return isSevering(fault.abort) ? { kind: "abort", how: severingOf(fault.abort.kind), delayMs } : null;
  }
  const up = touchesUp(fault);
  const down = touchesDown(fault);
  if (fault.delay === null && !up && !down) return null;
  return {
    kind: "bytes",
    delayMs,
    touches: (direction) => (direction === "toUpstream" ? up : down),
    transform: (direction, chunks, span) =>
      direction === "toUpstream"
        ? transformUp(fault, deps, chunks, span)
        : transformDown(fault, deps, chunks, span),
  };
}

function touchesUp(fault: FaultSpec): boolean {
  return (fault.throttle?.upBytesPerSecond ?? null) !== null;
}

function touchesDown(fault: FaultSpec): boolean {
  const throttle = fault.throttle?.downBytesPerSecond ?? null;
  return throttle !== null || fault.slice !== null || fault.corrupt !== null || fault.truncate !== null;
}

function transformUp(
  fault: FaultSpec,
  deps: { clock: Clock },
  chunks: AsyncIterable<Uint8Array>,
  span: Span,
): AsyncIterable<Uint8Array> {
  const rate = fault.throttle?.upBytesPerSecond ?? null;
  return rate === null ? chunks : throttled(chunks, rate, deps.clock, span);
}

/** From the upstream outwards, in the order of the fold in plan.ts: truncate, corrupt, slice, throttle. */
function transformDown(
  fault: FaultSpec,
  deps: { clock: Clock; random: Random },
  chunks: AsyncIterable<Uint8Array>,
  span: Span,
): AsyncIterable<Uint8Array> {
  const { truncate, corrupt, slice } = fault;
  const rate = fault.throttle?.downBytesPerSecond ?? null;
  let bytes = chunks;
  if (truncate) bytes = truncated(bytes, truncate.afterBytes, span);
  if (corrupt) bytes = corrupted(bytes, corrupt.probability, chanceOf(corrupt, deps.random), span);
  if (slice) bytes = sliced(bytes, slice, deps.clock, span);
  if (rate !== null) bytes = throttled(bytes, rate, deps.clock, span);
  return bytes;
}
