// decide → effects around a terminal → observe: the one place where the stages of the data plane meet. Lanes get it as
// their Traffic.

import type { Clock } from "../core/clock.ts";
import type { ConnectionFacts } from "../core/connection.ts";
import type { ConnectionFault } from "../core/connection-fault.ts";
import type { Deadlines } from "../core/deadlines.ts";
import type { Terminal } from "../core/effect.ts";
import type { Exchange, Handler, Reply, RequestHead } from "../core/exchange.ts";
import type { Claim, ConnectionClaim, Traffic, Undecided } from "../core/lane.ts";
import type { Dial } from "../core/link.ts";
import type { Random } from "../core/random.ts";
import type { RuleSpec } from "../core/rule.ts";
import type { Roll, Rule, RuleSet } from "../core/rule-set.ts";
import type { Settings } from "../core/settings.ts";
import { stateKeyOf } from "../core/state-key.ts";
import type { Tap } from "../core/tap.ts";
import type { ActiveCalls, ActiveCount } from "./perform/active-calls.ts";
import { withFaultEnd } from "./perform/exchange-change.ts";
import { FaultsUnderWay } from "./perform/faults-under-way.ts";

export interface PipelineDeps {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly tap: Tap;
  readonly dial: Dial;
  /** The rules in force; each call asks once. */
  readonly rules: () => RuleSet;
  /** Whether no fault may happen, whatever the rules say. */
  readonly faultsHalted: () => boolean;
  readonly states: {
    get(name: string, key: string): string | undefined;
    set(name: string, key: string, value: string): void;
  };
  /** Calls at once under the rules that bound them. */
  readonly calls: ActiveCalls;
  /** Undoes Content-Encoding; null where it cannot, or the result is larger than `limitBytes`. */
  readonly decodeBody: (
    body: Uint8Array,
    encoding: string | undefined,
    limitBytes: number,
  ) => Uint8Array | null;
  /** What a rule does to bytes that are not parsed; null: nothing. */
  readonly faultOf: (spec: RuleSpec) => ConnectionFault | null;
  readonly destinationOf: Traffic["destinationOf"];
  readonly route: Traffic["route"];
  readonly isDraining: () => boolean;
}

/** The traffic that all lanes of one sidecar share. */
export function createPipeline(deps: PipelineDeps): Traffic {
  const { calls } = deps;
  const faults = new FaultsUnderWay({
    ...deps,
    // Who waits for open calls to end does not wait for harm to be done.
    faultsHalted: () => deps.faultsHalted() || deps.isDraining(),
  });
  const rollOf = () => new CallRoll(deps);
  const claim = (verdict: Rule, head: RequestHead): Claim => {
    const rule = verdict.calm !== undefined && deps.faultsHalted() ? verdict.calm : verdict;
    const { state } = rule.spec;
    // At once, so that of two calls at the same time only one finds the old state.
    if (state !== null && state.becomes !== null)
      deps.states.set(state.name, stateKeyOf(state, head), state.becomes);
    return new RuleClaim(rule, calls, faults);
  };
  return {
    settings: deps.settings,
    clock: deps.clock,
    deadlines: deps.deadlines,
    tap: deps.tap,
    dial: deps.dial,
    route: deps.route,
    destinationOf: deps.destinationOf,
    isDraining: deps.isDraining,
    mayClaim(connection) {
      const rules = deps.rules();
      return rules.rules.length > 0 && rules.concernsConnection(connection, rollOf());
    },
    decide(head, connection) {
      const rules = deps.rules();
      if (rules.rules.length === 0) return null;
      const roll = rollOf();
      const verdict = rules.decide(head, connection, roll);
      if (verdict === null) return null;
      if (verdict !== "need-body") return claim(verdict, head);
      return undecided(deps, rules, head, connection, roll, claim);
    },
    decideMessages(head, connection) {
      const set = deps.rules();
      if (set.rules.length === 0) return null;
      const rules = set.decideMessages(head, connection, rollOf());
      if (rules.length === 0) return null;
      const concerned = new Set(rules.map(({ rule }) => rule));
      const claims = [...concerned].map((rule) => claim(rule, head));
      const underWay = new Map(
        [...concerned].map((rule) => [rule, faults.enter(rule, isMessageFault(rule))]),
      );
      return {
        rules: rules.flatMap((item) => {
          const ends = underWay.get(item.rule)?.ends;
          return ends ? { ...item, ends } : [];
        }),
        release: () => {
          for (const each of claims) each.release();
          for (const { leave } of underWay.values()) leave();
        },
      };
    },
    mayAnswerWebSockets(connection) {
      const rules = deps.rules();
      if (rules.rules.length === 0) return false;
      const { scheme, serverName, originalDestination } = connection;
      const name = scheme === "https" ? serverName || originalDestination?.host : "";
      return rules.answersWebSockets(name ?? "", connection, rollOf());
    },
    decideConnection(connection) {
      const rules = deps.rules();
      if (rules.rules.length === 0) return null;
      const rule = rules.decideConnection(connection, rollOf());
      const fault = rule && deps.faultOf(rule.spec);
      if (!rule || !fault) return null;
      const count = enter(calls, rule);
      const { ends: faultEnds, leave } = faults.enter(rule, true);
      const release = () => {
        if (count !== null) calls.leave(rule.spec.name, count);
        leave();
      };
      return { rule: rule.spec.name, fault, faultEnds, release } satisfies ConnectionClaim;
    },
    answersHost(host) {
      const rules = deps.rules();
      return rules.rules.length > 0 && rules.answersHost(host, rollOf());
    },
    concernsTls(serverName, connection) {
      const rules = deps.rules();
      return rules.rules.length > 0 && rules.concernsTls(serverName, connection, rollOf());
    },
  };
}

/** The same rules and the same roll decide before and after the body is known. */
function undecided(
  deps: PipelineDeps,
  rules: RuleSet,
  head: RequestHead,
  connection: ConnectionFacts,
  roll: Roll,
  claim: (rule: Rule, head: RequestHead) => Claim,
): Undecided {
  const encoding = head.header("content-encoding");
  const decoded = (payload: Uint8Array) =>
    deps.decodeBody(payload, encoding, deps.settings.limits.maxRuleBodyBytes);
  let verdict: { readonly rule: Rule | null } | null = null;
  let needed = 0;
  return {
    kind: "undecided",
    isEnough(payload) {
      if (payload.length >= needed) needed = rules.bytesNeeded(head, payload);
      return payload.length >= needed;
    },
    lacks(payload) {
      const waited: Promise<unknown>[] = [];
      const rule = rules.decideWithBody(head, connection, decoded(payload), roll, (what) => {
        waited.push(what);
      });
      if (waited.length > 0) return Promise.all(waited);
      verdict = { rule };
      return null;
    },
    decide(payload) {
      const known = payload === null ? null : verdict;
      const { rule } = known ?? {
        rule: rules.decideWithBody(head, connection, payload && decoded(payload), roll),
      };
      return rule && claim(rule, head);
    },
  };
}

const nothing = (): void => undefined;

/** Counted only where a rule asks for the count: most do not, and it is on the path of every mock. */
function enter(calls: ActiveCalls, { spec }: Rule): ActiveCount | null {
  return spec.scope.maxActive === null ? null : calls.enter(spec.name);
}

/** The circumstances of one call; each is found out when a rule first asks, and stays. */
class CallRoll implements Roll {
  readonly #deps: PipelineDeps;
  #nowMs = 0;
  #seed = -1;

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
  }

  get nowMs(): number {
    if (this.#nowMs === 0) this.#nowMs = this.#deps.clock.wall();
    return this.#nowMs;
  }

  get steadyMs(): number {
    return this.#deps.clock.now();
  }

  get seed(): number {
    if (this.#seed < 0) this.#seed = this.#deps.random.uint32();
    return this.#seed;
  }

  activeCalls(rule: string): number {
    return this.#deps.calls.of(rule);
  }

  hasRoom(rule: string, maxActive: number): boolean {
    return this.#deps.calls.hasRoom(rule, maxActive);
  }

  get faultsHalted(): boolean {
    return this.#deps.faultsHalted();
  }

  stateOf(name: string, key: string): string | undefined {
    return this.#deps.states.get(name, key);
  }
}

class RuleClaim implements Claim {
  readonly kind = "claim";
  readonly rule: Rule;
  #leaveFault: () => void = nothing;
  readonly #calls: ActiveCalls;
  /** null: not counted, or released. */
  #count: ActiveCount | null;
  readonly #faults: FaultsUnderWay;

  constructor(rule: Rule, calls: ActiveCalls, faults: FaultsUnderWay) {
    this.rule = rule;
    this.#calls = calls;
    this.#count = enter(calls, rule);
    this.#faults = faults;
  }

  release(): void {
    if (this.#count !== null) this.#calls.leave(this.rule.spec.name, this.#count);
    this.#count = null;
    this.#leaveFault();
  }

  serve(given: Exchange, forward: Handler): Promise<Reply> {
    const { effects, terminal } = this.rule;
    const harms = isFault(this.rule);
    const exchange = harms || waits(terminal) ? this.#bound(given, harms) : given;
    const end = endOf(terminal, forward);
    const folded = effects.reduceRight<Handler>(
      (next, effect) => (passed) => effect.apply(passed, next),
      end,
    );
    return folded(exchange);
  }

  /** The exchange of a call that lasts, by a fault or by a mock that waits: no longer than the rule. */
  #bound(given: Exchange, harms: boolean): Exchange {
    const { ends, leave } = this.#faults.enter(this.rule, harms);
    this.#leaveFault = leave;
    return withFaultEnd(given, ends);
  }
}

function isMessageFault({ spec }: Rule): boolean {
  return spec.fault?.websocket !== undefined;
}

/** An abort whose rule has ended while the call waited for its turn harms it no more. */
function endOf(terminal: Terminal, forward: Handler): Handler {
  if (terminal.kind === "relay") return forward;
  if (terminal.kind === "mock" || terminal.waits) return terminal.answer;
  return (exchange) => (exchange.faultEnds?.aborted ? forward(exchange) : terminal.answer(exchange));
}

function waits(terminal: Terminal): boolean {
  return terminal.kind !== "relay" && terminal.waits === true;
}

function isFault({ effects, terminal }: Rule): boolean {
  return terminal.kind === "abort" || effects.some(({ fault }) => fault);
}
