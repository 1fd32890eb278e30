// What two plays of one plan differ in: byte for byte where nobody concerns the calls; in meaning where a rule delays them, and
// messages may be framed anew.

import type { Flag } from "../../../src/core/tap.ts";
import type { Seen } from "./conversation.ts";
import { type Message, readMessages } from "./messages.ts";
import type { Plan } from "./plan.ts";

/** Whether 100 Continue comes depends on how fast the body does. */
const continued = "HTTP/1.1 100 Continue\r\n\r\n";
/** Of the hop, or of the framing. */
const ownFields = new Set(["connection", "keep-alive", "date", "content-length", "transfer-encoding"]);

export function differencesInBytes(direct: Seen, seen: Seen, plan: Plan): string[] {
  if (plan.clientEnds === "reset") return ofReset(seen, plan);
  const found = ofEnds(direct, seen, plan);
  const withoutContinue = (bytes: string) => bytes.replaceAll(continued, "");
  if (withoutContinue(seen.byClient) !== withoutContinue(direct.byClient))
    found.push(`the client got ${place(seen.byClient, direct.byClient)}`);
  if (seen.byUpstream !== direct.byUpstream)
    found.push(`the upstream got ${place(seen.byUpstream, direct.byUpstream)}`);
  return [...found, ...ofCalls(seen, plan, [])];
}

export function differencesInMeaning(direct: Seen, seen: Seen, plan: Plan): string[] {
  if (plan.clientEnds === "reset") return ofReset(seen, plan);
  // To HTTP/1.0 a FIN may be the end of a whole body (RFC 9112 §8): one that is cut is told by a reset.
  const isOldCut = plan.cut !== null && plan.turns.at(-1)?.requestHead.includes("HTTP/1.0");
  const found = ofEnds(isOldCut ? { ...direct, clientEnd: seen.clientEnd } : direct, seen, plan);
  const methods = plan.turns.map(({ method }) => method);
  const replies = ({ byClient, clientEnd }: Seen) =>
    readMessages(byClient, methods, clientEnd === "fin").map(meaningOf);
  const requests = ({ byUpstream }: Seen) => readMessages(byUpstream, null, false).map(meaningOf);
  const [repliesHere, repliesThere] = [replies(seen), replies(direct)];
  if (repliesHere.join("\n") !== repliesThere.join("\n"))
    found.push(`the client got ${place(repliesHere.join("\n"), repliesThere.join("\n"))}`);
  const [requestsHere, requestsThere] = [requests(seen), requests(direct)];
  if (requestsHere.join("\n") !== requestsThere.join("\n"))
    found.push(`the upstream got ${place(requestsHere.join("\n"), requestsThere.join("\n"))}`);
  return [...found, ...ofCalls(seen, plan, ["DI", "FI"])];
}

/** What is lost on the way of a reset is chance: there is nothing that was never sent, and both ends hear of it. */
function ofReset({ byUpstream, upstreamEnds, isOver }: Seen, { turns }: Plan): string[] {
  const sent = turns.map(({ requestHead, requestBody }) => requestHead + requestBody).join("");
  const found = isOver ? [] : ["it never ends"];
  if (upstreamEnds.includes("open")) found.push("an upstream does not hear of the reset");
  const heads = (bytes: string) =>
    readMessages(bytes, null, false).map(({ first }) => first.replace(/ HTTP.*/, ""));
  const asked = heads(sent);
  for (const [index, first] of heads(byUpstream).entries())
    if (first !== asked[index]) found.push(`request ${index} is ${first}`);
  return found;
}

function ofEnds(direct: Seen, seen: Seen, { cut }: Plan): string[] {
  const found: string[] = [];
  if (!seen.isOver) found.push("it never ends");
  if (!direct.isOver) found.push("it never ends directly");
  if (seen.clientEnd !== direct.clientEnd)
    found.push(`the client's connection ends by ${seen.clientEnd}, not ${direct.clientEnd}`);
  const [here, there] = [seen.upstreamEnds.join(), direct.upstreamEnds.join()];
  // An upstream that resets sees no FIN that comes later.
  if (here !== there && cut?.how !== "rst")
    found.push(`the upstream's connections end by ${here}, not ${there}`);
  return found;
}

/** One event a call, and nothing told of it but `expected`. */
function ofCalls({ calls }: Seen, { turns, cut }: Plan, expected: readonly Flag[]): string[] {
  if (cut) return [];
  const found =
    calls.length === turns.length ? [] : [`${calls.length} calls are told of, not ${turns.length}`];
  for (const { path, flags, detail } of calls)
    if (flags.some((flag) => !expected.includes(flag)))
      found.push(`${path} is told with ${flags.join()} ${detail}`);
  return found;
}

function meaningOf({ first, fields, body, trailers, interims, isWhole }: Message): string {
  // A reason that was left out is filled in; it has no meaning (RFC 9112 §4).
  const start = first.replace(/ HTTP\/1\.0$/, " HTTP/1.1").replace(/^(HTTP\/1\.1 \d+).*/, "$1");
  const own = fields.filter(([name]) => !ownFields.has(name));
  const said = interims.filter((status) => status !== 100);
  return JSON.stringify([start, own, body, trailers.map((line) => line.toLowerCase()), said, isWhole]);
}

/** Where two texts part. */
function place(here: string, there: string): string {
  let at = 0;
  while (at < here.length && here[at] === there[at]) at++;
  const around = (text: string) => JSON.stringify(text.slice(Math.max(0, at - 40), at + 80));
  return `${here.length} octets, not ${there.length}; from ${at} on ${around(here)}, not ${around(there)}`;
}
