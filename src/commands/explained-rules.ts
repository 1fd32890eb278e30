// What `understudy rules explain` prints: for people, and as JSON.

import type { Way } from "../core/rule-websocket.ts";
import type { Explanation, MessageClaim, Miss } from "../proxy/match/explain.ts";

/** One line a rule, closest misses below. `understood`: what the call was taken for, told first. */
export function asText(explanation: Explanation, understood: readonly string[]): string {
  const { claims, messages, misses } = explanation;
  const lines: string[] = [];
  let open = 100;
  for (const { rule, matchIndex, percentage } of claims) {
    const others = lines.length === 0 ? "such calls" : "those that are left";
    const share = percentage === 100 ? "claims" : "would claim";
    const how = percentage === 100 ? "" : ` ${percentage} % of ${others}`;
    const item = rule.spec.matches.length === 0 ? "it claims every call" : `matches[${matchIndex}] holds`;
    lines.push(`${rule.spec.name} (${rule.spec.origin}) ${share}${how || " it"}: ${item}`);
    open *= 1 - percentage / 100;
  }
  if (claims.length === 0) lines.push("No rule claims it: the call is relayed as it is.");
  else if (open > 0) lines.push("No rule claims the others: they are relayed as they are.");
  lines.push(...messageLines(explanation));
  const shown = misses.filter((miss) => ![...claims, ...messages].some(({ rule }) => rule === miss.rule));
  if (shown.length > 0) lines.push("", "Closest misses:");
  for (const miss of shown) lines.push(...missLines(miss));
  const taken = understood.map((one) => `Understood as ${one}`);
  return `${[...taken, ...lines].join("\n")}\n`;
}

const senders = { toUpstream: " that the client sends", toDownstream: " that the client gets" } as const;

/** Rules on messages, in the order in which a message is offered to them. */
function messageLines({ messages }: Explanation): string[] {
  const taken = new Set<Way>();
  return messages.flatMap((claim) => {
    const { rule, items, percentage } = claim;
    const share = percentage === 100 ? "" : `, of ${percentage} % of such connections`;
    const line = `${rule.spec.name} (${rule.spec.origin}) ${whatItDoes(claim)}${share}`;
    const asked = items.filter(({ holds }) => holds !== null);
    if (asked.length === 0 || !rule.messages?.acts) return [line];
    const ways = waysOf(asked.filter(({ holds }) => holds)).filter((way) => !taken.has(way));
    if (percentage === 100) for (const way of ways) taken.add(way);
    return [line, `    this message: ${fateOf(ways, asked)}`];
  });
}

function whatItDoes({ rule, items }: MessageClaim): string {
  if (!rule.messages?.acts) return "takes part in the conversation of this WebSocket";
  const verb = items.every(({ looks }) => looks) ? "looks into" : "acts on";
  const [way, ...others] = waysOf(items);
  return `${verb} messages of this WebSocket${way && others.length === 0 ? senders[way] : ""}`;
}

function waysOf(items: MessageClaim["items"]): readonly Way[] {
  return (["toUpstream", "toDownstream"] as const).filter((one) =>
    items.some(({ way }) => way === null || way === one),
  );
}

function fateOf(ways: readonly Way[], items: MessageClaim["items"]): string {
  if (items.every(({ holds }) => !holds)) return "it lets it pass";
  const [way, ...others] = ways;
  if (!way) return "a rule above acts on it";
  return `it would act on it${others.length === 0 ? `, as one${senders[way]}` : ""}`;
}

function missLines(miss: Miss): string[] {
  const { rule, matchIndex, satisfied, keys, failedKey, expected, actual } = miss;
  const place = /^(?:scope|state)\./.test(failedKey) ? failedKey : `matches[${matchIndex}].${failedKey}`;
  return [
    `  ${rule.spec.name} (${rule.spec.origin}): ${satisfied} of ${keys} keys hold`,
    `    ${place}: expected ${expected}, got ${actual}`,
  ];
}

/** The same for machines. */
export function asJson({ claims, messages, misses }: Explanation, understood: readonly string[]): string {
  const result = {
    understood,
    claims: claims.map(({ rule, matchIndex, percentage }) => ({
      rule: rule.spec.name,
      origin: rule.spec.origin,
      matchIndex: rule.spec.matches.length === 0 ? null : matchIndex,
      percentage,
    })),
    messages: messages.map(({ rule, items, percentage }) => ({
      rule: rule.spec.name,
      origin: rule.spec.origin,
      percentage,
      items: items.map(({ way, holds, ...item }) => ({ ...item, direction: way ?? "both", acts: holds })),
    })),
    misses: misses.map(({ rule, ...rest }) => ({ rule: rule.spec.name, origin: rule.spec.origin, ...rest })),
  };
  return `${JSON.stringify(result, null, 2)}\n`;
}
