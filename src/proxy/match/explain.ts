// Why a call was claimed or not: every rule tested in order, key by key, without the index.

import type { ConnectionFacts } from "../../core/connection.ts";
import { UnderstudyError } from "../../core/errors.ts";
import type { RequestHead } from "../../core/exchange.ts";
import type { Payload } from "../../core/payload.ts";
import type { MatchSpec } from "../../core/rule.ts";
import type { Roll, Rule, RuleSet } from "../../core/rule-set.ts";
import type { Way } from "../../core/rule-websocket.ts";
import { asksForWebSocket } from "../../core/websocket-request.ts";
import { Call } from "./call.ts";
import { faultsKey } from "./calm-rule.ts";
import type { Candidate } from "./candidate.ts";
import { candidatesOf, newTools } from "./compile.ts";
import { IndexedRules } from "./indexed-rules.ts";
import type { Key } from "./key.ts";
import { percentageKeyName } from "./scope-keys.ts";
import { asksForTunnel, methodNamed } from "./tunnel-candidates.ts";

export interface DescribedCall {
  readonly head: RequestHead;
  readonly connection: ConnectionFacts;
  /** null: unknown, or larger than the limit. */
  readonly body: Uint8Array | null;
  /** Of the WebSocket that the call asks for; left out: nobody asks about one. */
  readonly message?: Payload;
}

/** A rule that did not claim, with the first key on which its closest item failed. */
export interface Miss {
  readonly rule: Rule;
  /** Place of that item among the rule's `matches`; 0 where it has none. */
  readonly matchIndex: number;
  /** Keys of the item, of the state and of the scope that hold, of `keys` altogether; neither the draw nor whether faults are stopped is counted. */
  readonly satisfied: number;
  readonly keys: number;
  /** `headers.x-tenant`, `body`, `scope.percentage`, `state.is`, … */
  readonly failedKey: string;
  readonly expected: string;
  readonly actual: string;
}

/** A rule that a call of this kind may meet: everything but the draw holds. */
export interface Claim {
  readonly rule: Rule;
  readonly matchIndex: number;
  /** Share of such calls that it claims, of those that no earlier one took. */
  readonly percentage: number;
  /** Whether this roll is among them. */
  readonly drawn: boolean;
}

/** A rule that takes part in the WebSocket that the call asks for, and claims no call. */
export interface MessageClaim {
  readonly rule: Rule;
  /** The items that hold. */
  readonly items: readonly {
    readonly matchIndex: number;
    /** Of which messages; null: both. */
    readonly way: Way | null;
    /** It has to look into them. */
    readonly looks: boolean;
    /** Whether the message passes; null where there is none. */
    readonly holds: boolean | null;
  }[];
  /** Share of such connections. */
  readonly percentage: number;
}

export interface Explanation {
  readonly winner: Rule | null;
  /** Item of the winner that holds; null where nobody claims or the winner has none. */
  readonly matchIndex: number | null;
  /** In the order of trying, up to the first that claims all such calls. */
  readonly claims: readonly Claim[];
  /** In the order of trying, beside whoever claims the call. */
  readonly messages: readonly MessageClaim[];
  /** Closest first; of the rules that are tried before the first that claims all such calls, where there is one. */
  readonly misses: readonly Miss[];
}

const maxMisses = 5;

/** Takes time in proportion to the rules: for people, not for traffic. Throws `bad_rules` for a set that was not compiled here. */
export function explain(rules: RuleSet, described: DescribedCall, roll: Roll): Explanation {
  if (!(rules instanceof IndexedRules)) {
    throw new UnderstudyError("bad_rules", "explain: expected rules from compileRules, got another rule set");
  }
  const call = new Call();
  call.reset(described.head, described.connection, roll, described.body);
  const asksForSocket = asksForWebSocket(described.head);
  const claims: Claim[] = [];
  const messages: MessageClaim[] = [];
  const misses: Miss[] = [];
  let winner: Candidate | null = null;
  // An index keeps only what a decision needs, so the conditions are compiled again; that they compile is known.
  const tools = newTools(rules.dialects);
  for (const rule of rules.rules) {
    if (claims.at(-1)?.percentage === 100 && !rule.messages) continue;
    const items = candidatesOf(rule, tools, (compile) => compile());
    const verdicts = items.map((candidate) => verdictOf(candidate, call));
    if (verdicts.every(({ miss }) => miss !== null))
      misses.push(closest(missesOf(rule, verdicts, asksForSocket)));
    if (rule.messages) {
      messages.push(...messageClaim(rule, verdicts, described.message));
      continue;
    }
    const claim = verdicts.find((verdict) => verdict.claim)?.claim;
    if (claim) claims.push(claim);
    winner ??= verdicts.find((verdict) => verdict.miss === null)?.candidate ?? null;
  }
  return {
    winner: winner?.rule ?? null,
    matchIndex: winner?.match ? winner.matchIndex : null,
    claims,
    messages,
    misses: byCloseness(misses).slice(0, maxMisses),
  };
}

/** Empty where no item of the rule holds. */
function messageClaim(
  rule: Rule,
  verdicts: readonly Verdict[],
  message: Payload | undefined,
): MessageClaim[] {
  const items = verdicts
    .filter(({ claim }) => claim !== null)
    .map(({ candidate }) => {
      const { way = null, test = null } = candidate.message ?? {};
      const holds = message ? !test || test(message.bytes, 0, message.bytes.length, message.binary) : null;
      return { matchIndex: candidate.matchIndex, way, looks: test !== null, holds };
    });
  return items.length === 0 ? [] : [{ rule, items, percentage: rule.spec.scope.percentage }];
}

interface Verdict {
  readonly candidate: Candidate;
  /** null: it holds. */
  readonly miss: Miss | null;
  /** null: something else than the draw fails, or it is for 0 %. */
  readonly claim: Claim | null;
}

function verdictOf(candidate: Candidate, call: Call): Verdict {
  const { headKeys, bodyKeys, scopeKeys } = candidate;
  const isAsideFromTunnels = asksForTunnel(call.head) && !headKeys.some(({ name }) => name === "method");
  const keys = [...(isAsideFromTunnels ? [methodNamed] : []), ...headKeys, ...bodyKeys, ...scopeKeys];
  const failed = keys.filter((key) => !key.test(call));
  const { rule, matchIndex } = candidate;
  const { percentage } = rule.spec.scope;
  // Luck is no measure of closeness.
  const counted = keys.filter((key) => key.name !== percentageKeyName && key !== faultsKey);
  const satisfied = counted.filter((key) => !failed.includes(key)).length;
  const onlyDraw = failed.every(({ name }) => name === percentageKeyName);
  const claim = { rule, matchIndex, percentage, drawn: failed.length === 0 };
  return {
    candidate,
    miss: failed[0] ? missOf(candidate, satisfied, counted.length, failed[0], call) : null,
    claim: onlyDraw && percentage > 0 ? claim : null,
  };
}

function missOf(candidate: Candidate, satisfied: number, keys: number, failed: Key, call: Call): Miss {
  return {
    rule: candidate.rule,
    matchIndex: candidate.matchIndex,
    satisfied,
    keys,
    failedKey: placeOf(failed.name, candidate.match),
    expected: failed.expected(),
    actual: failed.actual(call),
  };
}

/** Where the user wrote it: a key of a dialect may be filed as one of HTTP. */
function placeOf(key: string, match: MatchSpec | null): string {
  if (key === "path" && match?.path === undefined && match?.websocket?.path) return "websocket.path";
  const header = key.startsWith("headers.") ? key.slice("headers.".length) : null;
  const isMetadata =
    header !== null &&
    match?.grpc?.metadata.some(({ name }) => name === header) &&
    !match.headers?.some(({ name }) => name === header);
  return isMetadata ? `metadata.${header}` : key;
}

/** A rule of a dialect has a second half, about WebSockets that carry it: to a call that asks for none it means nothing. */
function missesOf(rule: Rule, verdicts: readonly Verdict[], asksForSocket: boolean): readonly Miss[] {
  return verdicts.flatMap(({ candidate, miss }) =>
    miss === null || (candidate.rule !== rule && !asksForSocket) ? [] : [miss],
  );
}

function closest(misses: readonly Miss[]): Miss {
  const [best] = byCloseness(misses);
  if (best === undefined) throw new RangeError("a rule without items");
  return best;
}

/** Fewest failures first, then most keys that hold, then the order of trying. */
function byCloseness(misses: readonly Miss[]): readonly Miss[] {
  return [...misses].sort(
    (a, b) => a.keys - a.satisfied - (b.keys - b.satisfied) || b.satisfied - a.satisfied,
  );
}
