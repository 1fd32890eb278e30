// Turns a rule into what it does: effects folded around exactly one terminal.
//
//   client ◄─ delay ◄─ throttle ◄─ slice ◄─ corrupt ◄─ truncate ◄─ patch ◄─ terminal
//          ─►       ─►          ─►       ─►         ─►          ─►       ─► (relay, mock or abort)
//             effects[0]                                          last
//
// A request passes from left to right, its reply from right to left: a patch sees the true reply; truncate, corrupt and
// slice act on the patched bytes; throttle paces what is left of them. Abort ends the call where the faults end.

import type { Clock } from "../../core/clock.ts";
import { type Effect, relayTerminal, type Terminal } from "../../core/effect.ts";
import type { CompilePayloadTest } from "../../core/payload.ts";
import type { Random } from "../../core/random.ts";
import type { FaultSpec, RuleSpec } from "../../core/rule.ts";
import { RuleProblem } from "../../core/rule-problem.ts";
import type { Plan } from "../../core/rule-set.ts";
import { abortTerminal } from "./abort.ts";
import { corruptEffect } from "./corrupt.ts";
import { delayEffect } from "./delay.ts";
import { eventFault } from "./event-fault.ts";
import { planMessages } from "./message-plan.ts";
import { mockTerminal } from "./mock.ts";
import { patchEffect } from "./patch.ts";
import { sliceEffect } from "./slice.ts";
import { createTemplateEngine, type TemplateEngine } from "./template.ts";
import { throttleEffect } from "./throttle.ts";
import { truncateEffect } from "./truncate.ts";

export interface PlannerDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes of a body that a rule may hold whole (JSON patches, templates); also after decoding. */
  readonly maxBodyBytes: number;
}

/**
 * The planner of one process. Planning reads the files that a rule names. The function throws RuleProblem with the path
 * of what is wrong: template syntax, an unreadable file, a JSON pointer, parts that exclude each other.
 */
export function createPlanner(deps: PlannerDeps): (spec: RuleSpec, tests?: CompilePayloadTest) => Plan {
  const engine = createTemplateEngine(deps);
  return (spec, tests = noTests) => {
    refuseUnreachable(spec);
    const messages = planMessages(spec, { ...deps, engine, rule: spec.name, tests });
    if (messages) return Object.freeze({ effects: noEffects, terminal: relayTerminal, messages });
    const terminal = terminalOf(spec, deps, engine, tests);
    const effects = spec.fault ? faultEffects(spec.fault, deps) : [];
    if (spec.patch) effects.push(patchEffect(spec.patch, deps.maxBodyBytes));
    return Object.freeze({ effects: Object.freeze(effects), terminal });
  };
}

const noEffects: readonly Effect[] = Object.freeze([]);

/** For who plans rules without matching them: conditions on messages are then out of reach. */
const noTests: CompilePayloadTest = (_match, path) => {
  throw new RuleProblem(path, "conditions on messages need the rules to be compiled as a set");
};

function terminalOf(
  spec: RuleSpec,
  deps: PlannerDeps,
  engine: TemplateEngine,
  tests: CompilePayloadTest,
): Terminal {
  if (spec.fault?.abort) return abortTerminal(spec.fault.abort, spec.name);
  return spec.respond
    ? mockTerminal(spec.respond, { ...deps, engine, rule: spec.name, tests })
    : relayTerminal;
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
