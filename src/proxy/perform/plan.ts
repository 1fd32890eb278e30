// Turns a rule into what it does: effects folded around exactly one terminal.
//
//   client ◄─ delay ◄─ throttle ◄─ slice ◄─ corrupt ◄─ truncate ◄─ patch ◄─ dialects' ◄─ terminal
//          ─►       ─►          ─►       ─►         ─►          ─►       ─►           ─► (relay, mock or abort)
//             effects[0]                                                    last
//
// A request passes from left to right, its reply from right to left: a patch sees the true reply; truncate, corrupt and
// slice act on the patched bytes; throttle paces what is left of them. Abort ends the call where the faults end.

import type { Clock } from "../../core/clock.ts";
import type { Dialect, DialectMessages, DialectTools, JsonTemplate } from "../../core/dialect.ts";
import { type Effect, relayTerminal, type Terminal } from "../../core/effect.ts";
import type { CompilePayloadTest } from "../../core/payload.ts";
import type { Random } from "../../core/random.ts";
import type {
  AbortSpec,
  FaultSpec,
  HttpAbortSpec,
  HttpRespondSpec,
  RespondSpec,
  RuleSpec,
} from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import type { Plan } from "../../core/rule-set.ts";
import { abortTerminal } from "./abort.ts";
import { corruptEffect } from "./corrupt.ts";
import { delayEffect, waitFor } from "./delay.ts";
import { eventFault } from "./event-fault.ts";
import { compileJsonChange } from "./json-change.ts";
import { prepareJsonTemplate } from "./json-template.ts";
import { planMessages } from "./message-plan.ts";
import { mockTerminal } from "./mock.ts";
import { patchEffect } from "./patch.ts";
import { sliceEffect } from "./slice.ts";
import { type ScriptDeps, socketTerminal } from "./socket-script.ts";
import { createTemplateEngine, newTemplateBudget, type TemplateEngine } from "./template.ts";
import { templateRequest } from "./template-request.ts";
import { throttleEffect } from "./throttle.ts";
import { truncateEffect } from "./truncate.ts";

export interface PlannerDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes of a body that a rule may hold whole (JSON patches, templates); also after decoding. */
  readonly maxBodyBytes: number;
  /** Longest silence of a call that `fault.abort: hang` has claimed. */
  readonly hangMs: number;
  /** Further things that a rule can do, in their words; none where left out. */
  readonly dialects?: readonly Dialect[];
}

/**
 * The planner of one process. Planning reads the files that a rule names. The function throws RuleProblem with the path
 * of what is wrong: template syntax, an unreadable file, a JSON pointer, parts that exclude each other.
 */
export function createPlanner(deps: PlannerDeps): (spec: RuleSpec, tests?: CompilePayloadTest) => Plan {
  const engine = createTemplateEngine(deps);
  const { dialects = [] } = deps;
  const tools: DialectTools = {
    ...deps,
    wait: (delay, signal, ends) => waitFor(delay, deps, signal, ends),
    template: (value, path) => jsonTemplate(value, path, engine),
    jsonChange: compileJsonChange,
  };
  // Rules often give the same reply, which then is one object: most of the memory of a large set of mocks.
  const still = new WeakMap<RespondSpec, Terminal>();
  return (spec, tests = noTests) => {
    refuseUnreachable(spec);
    const scripts = { ...deps, engine, rule: spec.name, tests };
    const messages = planMessages(spec, scripts);
    if (messages) return Object.freeze({ effects: noEffects, terminal: relayTerminal, messages });
    const known = spec.respond && !spec.fault?.abort ? still.get(spec.respond) : undefined;
    let terminal = known ?? terminalOf(spec, deps, engine, scripts);
    if (spec.respond && neverVaries(spec.respond, terminal)) still.set(spec.respond, terminal);
    const effects = spec.fault ? faultEffects(spec.fault, deps) : [];
    if (spec.patch?.request || spec.patch?.response) effects.push(patchEffect(spec.patch, deps.maxBodyBytes));
    let overSockets: DialectMessages | undefined;
    for (const dialect of dialects) {
      const share = dialect.plan(spec, tools);
      if (share === null) continue;
      effects.unshift(...(share.outer ?? []));
      effects.push(...share.effects);
      if (share.terminal !== null) terminal = onlyTerminal(terminal, share.terminal, dialect.name);
      overSockets ??= share.overSockets;
    }
    return Object.freeze({
      effects: effects.length === 0 ? noEffects : Object.freeze(effects),
      terminal,
      ...(overSockets ? { overSockets } : {}),
    });
  };
}

function jsonTemplate(value: unknown, path: RulePath, engine: TemplateEngine): JsonTemplate {
  const { render } = prepareJsonTemplate(value, path, engine);
  return (exchange, body) => {
    const seen = body === null ? { problem: "the call has none" } : { bytes: body };
    return JSON.parse(render(templateRequest(exchange, seen), newTemplateBudget()));
  };
}

const noEffects: readonly Effect[] = Object.freeze([]);

/** For who plans rules without matching them: conditions on messages are then out of reach. */
const noTests: CompilePayloadTest = (_match, path) => {
  throw new RuleProblem(path, "conditions on messages need the rules to be compiled as a set");
};

/** The same for every call and every rule with this reply. A file may be another one when the rules are planned again. */
function neverVaries(respond: RespondSpec, terminal: Terminal): boolean {
  if (respond.kind !== "reply" || respond.reply.body.kind === "file") return false;
  return terminal.kind === "mock" && terminal.fixed !== null;
}

function onlyTerminal(terminal: Terminal, other: Terminal, dialect: string): Terminal {
  if (terminal.kind === "relay") return other;
  const key = terminal.kind === "mock" ? ["respond"] : ["fault", "abort"];
  throw new RuleProblem(key, `expected none beside what ends the call in ${dialect}, got both`);
}

function terminalOf(
  spec: RuleSpec,
  deps: PlannerDeps,
  engine: TemplateEngine,
  scripts: ScriptDeps,
): Terminal {
  const abort = spec.fault?.abort ?? null;
  if (abort !== null) return isOfHttp(abort) ? abortTerminal(abort, spec.name, deps) : relayTerminal;
  const { respond } = spec;
  if (respond?.kind === "websocket") return socketTerminal(respond, scripts);
  if (respond === null || !isReply(respond)) return relayTerminal;
  return mockTerminal(respond, { ...deps, engine, rule: spec.name });
}

function isOfHttp(abort: AbortSpec): abort is HttpAbortSpec {
  return abort.kind !== "grpcStatus";
}

function isReply(respond: RespondSpec): respond is HttpRespondSpec {
  return respond.kind === "reply" || respond.kind === "cycle" || respond.kind === "random";
}

function faultEffects(fault: FaultSpec, deps: PlannerDeps): Effect[] {
  const effects: Effect[] = [];
  if (fault.delay) effects.push(delayEffect(fault.delay, deps));
  if (fault.events) effects.push(eventFault(fault.events, deps));
  if (fault.throttle) effects.push(throttleEffect(fault.throttle, deps.clock));
  if (fault.slice) effects.push(sliceEffect(fault.slice, deps.clock));
  if (fault.corrupt) effects.push(corruptEffect(fault.corrupt, deps.random));
  if (fault.truncate) effects.push(truncateEffect(fault.truncate));
  return effects;
}

/** An abort ends the call before anything inside it: what could never happen is refused rather than ignored. */
function refuseUnreachable(spec: RuleSpec): void {
  if (!spec.fault?.abort) return;
  for (const key of ["respond", "patch"] as const) {
    if (spec[key] === null) continue;
    throw new RuleProblem(
      [key],
      `expected none beside fault.abort, which ends the call before ${key} could do anything`,
    );
  }
}
