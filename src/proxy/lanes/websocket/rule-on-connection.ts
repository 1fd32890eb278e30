// One rule on one connection: counts what it claims, and carries out what becomes of it.

import type { Clock } from "../../../core/clock.ts";
import { pause } from "../../../core/clock.ts";
import type { Exchange, SocketScript } from "../../../core/exchange.ts";
import type { MessageAct, MessageActor } from "../../../core/message.ts";
import type { MessageRule } from "../../../core/rule-set.ts";
import type { Way } from "../../../core/rule-websocket.ts";
import type { ClaimedMessage, FlowRule } from "./claimed-message.ts";
import type { MessageFlow } from "./flow.ts";

/** What acting needs of the connection. */
export interface ActingDeps {
  readonly clock: Clock;
  readonly exchange: Exchange;
  readonly signal: AbortSignal;
  /** Aborts when the rule may act no more: it has expired, or has been taken back. */
  readonly ends: AbortSignal;
  flow(way: Way): MessageFlow;
  /** The rule has touched a message. */
  hit(rule: string): void;
  close(code: number, reason: string, rule: string): void;
  cut(rule: string): void;
  /** Runs a script that answers `message`. */
  converse(script: SocketScript, message: ClaimedMessage): Promise<void>;
  /** What a script or a template did not manage; for people. */
  trouble(text: string): void;
}

/** Scripts of one rule that may run at once on one connection; the next message waits for one of them to end. */
const maxScripts = 64;
/** Bytes that a group which is to be reordered may hold. */
const maxGroupBytes = 1_048_576;

/** The items of one rule share what it counts. */
export class RuleOnConnection {
  readonly #actor: MessageActor;
  readonly #name: string;
  readonly #deps: ActingDeps;
  readonly #groups: Record<Way, ClaimedMessage[]> = { toUpstream: [], toDownstream: [] };
  #scripts = 0;
  #scriptEnded: (() => void)[] = [];

  constructor(actor: MessageActor, name: string, deps: ActingDeps) {
    this.#actor = actor;
    this.#name = name;
    this.#deps = deps;
    // Messages are not held back for a rule that is gone.
    deps.ends.addEventListener("abort", () => {
      for (const way of ["toUpstream", "toDownstream"] as const) this.letGo(way);
    });
  }

  item({ test, rule: { messages } }: MessageRule): FlowRule {
    const { whole = true, alters = true, unread } = messages ?? {};
    const refuses = (way: Way) => unread?.way === way && this.#refuse(unread.code, unread.reason);
    return { test, whole, alters, refuses, claim: (message) => this.#claim(message) };
  }

  #refuse(code: number, reason: string): boolean {
    if (this.#deps.ends.aborted) return false;
    this.#deps.hit(this.#name);
    this.#deps.close(code, reason, this.#name);
    return true;
  }

  /** What is held back to be reordered leaves: nothing more will come behind it. */
  letGo(way: Way): void {
    const group = this.#groups[way];
    this.#groups[way] = [];
    for (const message of group.reverse()) this.#deps.flow(way).deliver(message);
  }

  #claim(message: ClaimedMessage): boolean {
    const { payload, way } = message;
    const act = this.#deps.ends.aborted
      ? (this.#actor.finish?.(payload, way) ?? null)
      : this.#actor.act(payload, way);
    if (act === null) return false;
    this.#deps.hit(this.#name);
    this.#carryOut(act, message);
    return true;
  }

  #carryOut(act: MessageAct, message: ClaimedMessage): void {
    const deps = this.#deps;
    const flow = deps.flow(message.way);
    switch (act.kind) {
      case "drop":
        return flow.diverge();
      case "cut":
        return deps.cut(this.#name);
      case "close":
        return deps.close(act.code, act.reason, this.#name);
      case "duplicate":
        flow.deliver(message);
        for (let i = 0; i < act.copies; i++) flow.send(message.payload);
        return;
      case "delay":
        return this.#inTime(message, async (own) => {
          await pause(deps.clock, act.delayMs, deps.signal, deps.ends);
          flow.deliver(own);
        });
      case "reorder":
        return this.#gather(message, act.group);
      case "replace":
        return this.#inTime(message, async (own) => {
          const changed = await act.render(own.payload, deps.exchange);
          if (changed === null) return flow.deliver(own);
          flow.diverge();
          flow.send(changed);
        });
      case "answer":
        flow.diverge();
        return this.#answer(act.script, message);
      default:
        act satisfies never;
    }
  }

  /** The direction stops until `work` is done, so that what comes behind stays behind. */
  #inTime(message: ClaimedMessage, work: (own: ClaimedMessage) => Promise<void>): void {
    const goOn = this.#deps.flow(message.way).stop();
    void work(ownCopy(message))
      .catch((error: unknown) => this.#failed(error))
      .finally(goOn);
  }

  #gather(message: ClaimedMessage, size: number): void {
    const group = this.#groups[message.way];
    group.push(ownCopy(message));
    this.#deps.flow(message.way).diverge();
    const bytes = group.reduce((sum, { raw }) => sum + raw.length, 0);
    if (group.length >= size || bytes > maxGroupBytes) this.letGo(message.way);
  }

  #answer(script: SocketScript, message: ClaimedMessage): void {
    this.#scripts++;
    void this.#deps
      .converse(script, message)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#scripts--;
        for (const wake of this.#scriptEnded.splice(0)) wake();
      });
    if (this.#scripts >= maxScripts) this.#scriptEnded.push(this.#deps.flow(message.way).stop());
  }

  #failed(error: unknown): void {
    if (this.#deps.signal.aborted) return;
    this.#deps.trouble(`rule ${this.#name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function ownCopy(message: ClaimedMessage): ClaimedMessage {
  return { ...message, raw: Buffer.from(message.raw) };
}
