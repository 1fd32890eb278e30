// What must fit together across a rule about WebSockets: who is spoken to, and what a condition on messages can mean.

import type { ScriptStep, WebSocketMatch } from "../../../core/rule-websocket.ts";
import { type Complain, isMapping, type Written } from "./mapping.ts";

/** Looks at a rule whose parts are right in themselves; what is wrong in a part is told there. */
export function checkSocketRule({ matches, respond, patch, fault }: Written, complain: Complain): void {
  const claimed = claimedBy(matches);
  if (isMapping(respond) && respond.kind === "websocket" && !claimed.some((match) => match?.message)) {
    for (const [index, match] of claimed.entries())
      if (match?.direction !== undefined)
        complain(`${besideMessage}, which a script answers`, "matches", index, "websocket", "direction");
    checkPartners(respond.script as readonly ScriptStep[], complain, ["respond", "websocket"]);
  }
  const changes = partOf(patch);
  if (isFilled(changes?.inject) && changes?.replace === null && changes.json === null)
    checkNoMessage(claimed, "json or replace: inject runs beside the whole connection", complain);
  const harm = partOf(fault);
  const harmsMessages =
    harm?.close ?? harm?.delay ?? (harm?.cut || harm?.dropMessages || harm?.copies || harm?.reorder);
  if (harm?.ignorePings === true && !harmsMessages)
    checkNoMessage(claimed, "a fault of messages: a ping is none", complain);
}

const besideMessage = "only means something beside message";

/** Without a condition on messages the script is the server: there is nobody else to talk to. */
function checkPartners(
  steps: readonly ScriptStep[],
  complain: Complain,
  path: readonly (string | number)[],
): void {
  for (const [index, step] of steps.entries()) {
    const at = [...path, index];
    if (step.kind === "repeat") checkPartners(step.steps, complain, [...at, "repeat", "steps"]);
    const far =
      (step.kind === "send" && step.to === "toUpstream") ||
      (step.kind === "expect" && step.way === "toDownstream");
    if (far) complain(`${besideMessage}: this script stands in for the server`, ...at, "direction");
  }
}

function checkNoMessage(
  claimed: readonly (WebSocketMatch | undefined)[],
  beside: string,
  complain: Complain,
): void {
  for (const [index, match] of claimed.entries())
    if (match?.message !== undefined)
      complain(`only means something next to ${beside}`, "matches", index, "message");
}

/** For each match, what it says of WebSockets. */
function claimedBy(matches: unknown): readonly (WebSocketMatch | undefined)[] {
  if (!Array.isArray(matches)) return [];
  return matches.map((match: unknown) =>
    // Its own schema has made it.
    isMapping(match) && isMapping(match.websocket) ? (match.websocket as WebSocketMatch) : undefined,
  );
}

function partOf(part: unknown): Written | null {
  return isMapping(part) && isMapping(part.websocket) ? part.websocket : null;
}

function isFilled(list: unknown): boolean {
  return Array.isArray(list) && list.length > 0;
}
