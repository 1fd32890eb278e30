// A stream whose rule depends on its body: what comes is kept and looked at until the rule can decide. A stream may be
// silent until it hears from the server, so the wait has an end: then the call goes on as if no rule asked for its body.

import type { Claim, Traffic, Undecided } from "../../../core/lane.ts";
import { PeekedBody } from "../peeked-body.ts";
import type { LocalStream } from "./stream.ts";

/** Calls `serve` once, with null where nobody claims the call; never where the client leaves before. */
export function peekBody(
  stream: LocalStream,
  undecided: Undecided,
  { settings, clock }: Traffic,
  serve: (claim: Claim | null) => void,
): void {
  const body = new PeekedBody(settings.limits.maxRuleBodyBytes);
  const { ruleBodyMs } = settings.deadlines;
  let lastAt = clock.now();
  const decide = (payload: Buffer | null): void => {
    stream.peek = null; // from here on what comes waits in the pipe, under flow control
    timer.cancel();
    if (body.bytes > 0) stream.pipe.push(body.whole);
    const lacks = payload && undecided.lacks(payload);
    if (!lacks) return serve(undecided.decide(payload));
    void lacks.then(() => {
      if (!stream.abort.signal.aborted) serve(undecided.decide(payload));
    });
  };
  const watch = (waitMs: number) =>
    clock.after(
      waitMs,
      () => {
        if (stream.peek === null || stream.abort.signal.aborted) return;
        const silentMs = clock.now() - lastAt;
        if (silentMs >= ruleBodyMs) decide(null);
        else timer = watch(ruleBodyMs - silentMs);
      },
      { background: true },
    );
  let timer = watch(ruleBodyMs);
  if (stream.requestDone) return decide(body.payload);
  stream.peek = (chunk) => {
    if (chunk === null) {
      stream.bodyBytes = body.bytes;
      return decide(body.payload);
    }
    lastAt = clock.now();
    body.append(chunk);
    const { payload } = body;
    if (payload === null || undecided.isEnough(payload)) decide(payload);
  };
}
