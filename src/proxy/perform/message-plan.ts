// What a rule does to the messages of a live WebSocket: one thing to each that it claims, and perhaps a script beside.

import { bodyOf } from "../../core/body.ts";
import { messageOf } from "../../core/errors.ts";
import type { SocketScript } from "../../core/exchange.ts";
import type { MessageAct, MessagePlan } from "../../core/message.ts";
import { type Random, seededRandom } from "../../core/random.ts";
import type { RuleSpec } from "../../core/rule.ts";
import { RuleProblem } from "../../core/rule-problem.ts";
import type { SocketFaultSpec, SocketPatchSpec } from "../../core/rule-websocket.ts";
import { sampleDelayMs } from "./delay.ts";
import { compileJsonChange } from "./json-change.ts";
import { preparePayload } from "./message-payload.ts";
import { prepareScript, type ScriptDeps, waitsForMessages } from "./socket-script.ts";

/** What becomes of a message that is not let pass; null: nothing. */
type NextAct = () => MessageAct | null;

/** null: the rule does nothing to messages. Throws RuleProblem for parts that exclude each other. */
export function planMessages(spec: RuleSpec, deps: ScriptDeps): MessagePlan | null {
  const { fault, patch, respond } = spec;
  const answers = respond?.kind === "websocket" && spec.matches.some(({ websocket }) => websocket?.message);
  const parts = [fault?.websocket, patch?.websocket, answers || undefined].filter(
    (part) => part !== undefined,
  );
  if (parts.length === 0) {
    refuseIdleMessage(spec);
    refuseBodyFaults(spec);
    return null;
  }
  refuseOthers(spec);
  if (parts.length > 1)
    throw new RuleProblem(
      [],
      "expected one of fault.websocket, patch.websocket and respond.websocket for a message",
    );
  if (fault?.websocket) return planFault(fault.websocket, deps.random);
  if (patch?.websocket) return planPatch(patch.websocket, deps);
  const steps = respond?.kind === "websocket" ? respond.script : [];
  const script = prepareScript(steps, ["respond", "websocket"], deps);
  return plan(() => () => ({ kind: "answer", script }), { alters: true, watches: waitsForMessages(steps) });
}

/** A rule that names messages, but does to them what can only be done to a call. */
function refuseIdleMessage(spec: RuleSpec): void {
  const index = spec.matches.findIndex(({ websocket }) => websocket?.message);
  if (index === -1) return;
  throw new RuleProblem(
    ["matches", index, "message"],
    "expected fault.websocket, patch.websocket or respond.websocket beside it: nothing else acts on a message",
  );
}

/** A rule about WebSockets alone, with faults that only a body can have. Its bytes would pass as they are. */
function refuseBodyFaults({ matches, fault }: RuleSpec): void {
  if (matches.length === 0 || !matches.every(({ websocket }) => websocket)) return;
  for (const key of ["throttle", "slice", "truncate", "corrupt", "events"] as const)
    if (fault?.[key])
      throw new RuleProblem(
        ["fault", key],
        "works on bodies, and a WebSocket has none: expected fault.websocket, such as delayMessages or cut",
      );
}

function refuseOthers({ fault, patch, respond }: RuleSpec): void {
  const alone = "works on the whole call, expected in a rule of its own beside one that acts on messages";
  for (const key of ["delay", "abort", "throttle", "slice", "truncate", "corrupt", "events"] as const)
    if (fault?.[key]) throw new RuleProblem(["fault", key], alone);
  for (const key of ["request", "response"] as const)
    if (patch?.[key]) throw new RuleProblem(["patch", key], alone);
  if (respond && respond.kind !== "websocket") throw new RuleProblem(["respond"], alone);
}

function plan(
  open: () => NextAct,
  rest: {
    alters?: boolean;
    whole?: boolean;
    watches?: boolean;
    ignorePings?: boolean;
    inject?: SocketScript;
    acts?: boolean;
  },
): MessagePlan {
  return Object.freeze({
    open: () => ({ act: open() }),
    inject: rest.inject ?? null,
    acts: rest.acts ?? true,
    alters: rest.alters ?? false,
    whole: rest.whole ?? rest.alters ?? false,
    watches: rest.watches ?? false,
    ignorePings: rest.ignorePings ?? false,
  });
}

function planFault(fault: SocketFaultSpec, random: Random): MessagePlan {
  const { ignorePings } = fault;
  const acts = actsOf(fault);
  const alters = acts && !fault.close && !fault.cut;
  return plan(() => faultActs(fault, fault.seed === null ? random : seededRandom(fault.seed)), {
    ...{ ignorePings, acts, alters, whole: fault.delay !== null || fault.copies > 0 || fault.reorder > 0 },
  });
}

function actsOf({ close, cut, dropMessages, delay, copies, reorder }: SocketFaultSpec): boolean {
  return close !== null || cut || dropMessages > 0 || delay !== null || copies > 0 || reorder > 0;
}

/** One connection's account of a fault. */
function faultActs(fault: SocketFaultSpec, random: Random): NextAct {
  let seen = 0;
  let dropped = 0;
  const act = (): MessageAct | null => {
    if (fault.close) return { kind: "close", ...fault.close };
    if (fault.cut) return { kind: "cut" };
    if (fault.copies > 0) return { kind: "duplicate", copies: fault.copies };
    if (fault.reorder > 0) return { kind: "reorder", group: fault.reorder };
    if (fault.delay) return { kind: "delay", delayMs: sampleDelayMs(fault.delay, random) };
    return dropped++ < fault.dropMessages ? { kind: "drop" } : null;
  };
  return () => {
    if (seen < fault.afterMessages) {
      seen++;
      return null;
    }
    return fault.probability >= 1 || random.next() < fault.probability ? act() : null;
  };
}

function planPatch(patch: SocketPatchSpec, deps: ScriptDeps): MessagePlan {
  const place = ["patch", "websocket"];
  const inject =
    patch.inject.length > 0 ? prepareScript(patch.inject, [...place, "inject"], deps) : undefined;
  const watches = waitsForMessages(patch.inject);
  const replacing = replacementOf(patch, deps);
  return plan(() => () => replacing, {
    ...(inject ? { inject } : {}),
    ...{ watches, acts: replacing !== null, alters: replacing !== null },
  });
}

function replacementOf(patch: SocketPatchSpec, deps: ScriptDeps): MessageAct | null {
  const place = ["patch", "websocket"];
  if (patch.replace) {
    const render = preparePayload(patch.replace, place, deps);
    return {
      kind: "replace",
      render: (message, exchange) => render({ ...exchange, body: bodyOf(message.bytes) }),
    };
  }
  if (!patch.json) return null;
  const change = compileJsonChange(patch.json, [...place, "json"]);
  return {
    kind: "replace",
    async render(message, exchange) {
      try {
        return { binary: message.binary, bytes: change(message.bytes) };
      } catch (thrown) {
        exchange.note?.(`patch.websocket.json: left unchanged: ${messageOf(thrown)}`);
        return null;
      }
    },
  };
}
