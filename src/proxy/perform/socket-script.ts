// A script of send, expect, wait, close, run step by step on one connection: the other end of a mocked WebSocket, the
// answer to one message, or what is put into a live conversation.

import type { Clock } from "../../core/clock.ts";
import type { Terminal } from "../../core/effect.ts";
import type { Conversation, Reply, SocketScript } from "../../core/exchange.ts";
import type { CompilePayloadTest } from "../../core/payload.ts";
import type { Random } from "../../core/random.ts";
import type { RulePath } from "../../core/rule-problem.ts";
import type { ScriptStep, WebSocketReplySpec } from "../../core/rule-websocket.ts";
import { waitFor } from "./delay.ts";
import { preparePayload } from "./message-payload.ts";
import type { ReplyTemplateDeps } from "./reply-template.ts";

export interface ScriptDeps extends ReplyTemplateDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly tests: CompilePayloadTest;
}

/** Runs one step. False: the conversation is over. */
type RunStep = (conversation: Conversation, signal: AbortSignal) => Promise<boolean>;

/** RFC 6455 §7.4.1: what came is against the policy of the endpoint. */
const policyViolation = 1008;

/** `path`: the script in its rule. Throws RuleProblem for conditions and templates that are wrong in themselves. */
export function prepareScript(steps: readonly ScriptStep[], path: RulePath, deps: ScriptDeps): SocketScript {
  const run = inOrder(steps, path, deps);
  return {
    async run(conversation, signal) {
      const { faultEnds, note } = conversation.exchange;
      if (!faultEnds) return void (await run(conversation, signal));
      try {
        await run(conversation, AbortSignal.any([signal, faultEnds]));
      } catch (error) {
        if (signal.aborted || !faultEnds.aborted) throw error;
        note?.(`the script of ${deps.rule} ended, because the rule is not in force any more`);
      }
    },
  };
}

/** The terminal of a rule that is the other end of a WebSocket itself. */
export function socketTerminal(spec: WebSocketReplySpec, deps: ScriptDeps): Terminal {
  const script = prepareScript(spec.script, ["respond", "websocket"], deps);
  const reply: Reply = { kind: "websocket", script, subprotocol: spec.subprotocol };
  return { kind: "mock", answer: async () => reply, fixed: null };
}

/** True where some step waits for a message. */
export function waitsForMessages(steps: readonly ScriptStep[]): boolean {
  return steps.some(
    (step) => step.kind === "expect" || (step.kind === "repeat" && waitsForMessages(step.steps)),
  );
}

function inOrder(steps: readonly ScriptStep[], path: RulePath, deps: ScriptDeps): RunStep {
  const runs = steps.map((step, index) => prepareStep(step, [...path, index], deps));
  return async (conversation, signal) => {
    for (const run of runs) {
      signal.throwIfAborted();
      if (!(await run(conversation, signal))) return false;
    }
    return true;
  };
}

function prepareStep(step: ScriptStep, path: RulePath, deps: ScriptDeps): RunStep {
  switch (step.kind) {
    case "send": {
      const render = preparePayload(step.payload, [...path, "send"], deps);
      return async (conversation, signal) => {
        const payload = await render(conversation.exchange);
        signal.throwIfAborted();
        await conversation.send(payload, step.to);
        return true;
      };
    }
    case "expect":
      return prepareExpect(step, path, deps);
    case "wait":
      return async (_conversation, signal) => {
        await waitFor(step.delay, deps, signal);
        return true;
      };
    case "close":
      return async (conversation) => {
        conversation.close(step.code, step.reason);
        return false;
      };
    case "cut":
      return async (conversation) => {
        conversation.cut();
        return false;
      };
    case "repeat":
      return prepareRepeat(step, path, deps);
    default:
      return step satisfies never;
  }
}

function prepareExpect(
  step: Extract<ScriptStep, { kind: "expect" }>,
  path: RulePath,
  deps: ScriptDeps,
): RunStep {
  const test = step.match && deps.tests(step.match, [...path, "expect"]);
  const { withinMs, way } = step;
  return async (conversation, signal) => {
    if (withinMs === null) {
      await conversation.next(way, test, signal);
      return true;
    }
    const late = new AbortController();
    const timer = deps.clock.after(withinMs, () => late.abort(), { background: true });
    try {
      await conversation.next(way, test, AbortSignal.any([signal, late.signal]));
      return true;
    } catch (error) {
      if (signal.aborted || !late.signal.aborted) throw error;
      conversation.close(policyViolation, `expected a message within ${withinMs} ms`);
      return false;
    } finally {
      timer.cancel();
    }
  };
}

function prepareRepeat(
  step: Extract<ScriptStep, { kind: "repeat" }>,
  path: RulePath,
  deps: ScriptDeps,
): RunStep {
  const body = inOrder(step.steps, [...path, "repeat", "steps"], deps);
  const times = step.times ?? Number.POSITIVE_INFINITY;
  return async (conversation, signal) => {
    for (let round = 0; round < times; round++) {
      if (!(await body(conversation, signal))) return false;
      // Others have their turn, however short the loop.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return true;
  };
}
