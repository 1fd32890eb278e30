// What is said on one connection of HTTP/1: requests and their replies in every legal form, and how it ends. All of it is laid
// down before the first byte goes, so that it can be said again, in the same pieces, with somebody between.

import { Dice } from "../dice.ts";
import { chunkedBody } from "./chunked-body.ts";

/** One request, and the reply that it gets. */
export interface Turn {
  readonly method: string;
  readonly requestHead: string;
  /** As it stands on the wire. */
  readonly requestBody: string;
  /** The client waits for 100 Continue before its body. */
  readonly waitsForContinue: boolean;
  readonly expectsContinue: boolean;
  /** The reply does not wait for the end of the request. */
  readonly isEarly: boolean;
  readonly interim: string;
  readonly replyHead: string;
  readonly replyBody: string;
  /** The upstream ends the connection behind it. */
  readonly closes: boolean;
  /** Both speak something else behind it (RFC 9110 §7.8). */
  readonly switches: boolean;
}

export interface Plan {
  readonly turns: readonly Turn[];
  /** Each request waits for the reply before it. */
  readonly isInTurns: boolean;
  /** How the upstream breaks off inside its last reply; null: it does not. */
  readonly cut: { readonly how: "fin" | "rst"; readonly isBefore: boolean } | null;
  /** The client ends its side behind the last reply, behind its last request, or resets behind the first reply. */
  readonly clientEnds: "after" | "half" | "reset";
  /** Octets that are written at once. */
  readonly requestPiece: number;
  readonly replyPiece: number;
}

/** What both say once they have switched. */
export const otherWords = { up: "understand this?", down: "UNDERSTOOD" } as const;

const wholePiece = 1_000_000;

export function planOf(seed: number): Plan {
  const dice = new Dice(seed);
  const count = 1 + dice.below(5);
  const turns = Array.from({ length: count }, (_, i) => turnOf(i, i === count - 1, dice));
  const switches = turns.some((turn) => turn.switches);
  const closes = turns.some((turn) => turn.closes);
  const how = dice.chance(0.5) ? "fin" : "rst";
  const cut: Plan["cut"] =
    dice.chance(0.3) && !switches && !closes ? { how, isBefore: dice.chance(0.3) } : null;
  return {
    // Of a request that is still coming in, it is chance how much a reset destroys.
    turns: cut ? turns.map((turn) => ({ ...turn, isEarly: false })) : turns,
    isInTurns: dice.chance(0.4),
    cut,
    clientEnds: switches ? "after" : dice.pick(["after", "after", "half", "half", "reset"]),
    requestPiece: dice.pick([wholePiece, wholePiece, 1, 3, 50, 1_000]),
    replyPiece: dice.pick([wholePiece, wholePiece, 1, 2, 40, 5_000]),
  };
}

function turnOf(index: number, isLast: boolean, dice: Dice): Turn {
  if (isLast && dice.chance(0.08)) return switchingTurn(index);
  const method = dice.pick(["GET", "GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"]);
  const isOld = isLast && dice.chance(0.12);
  const request = requestOf(index, method, isOld, isLast, dice);
  const reply = replyOf(index, method, isOld, isLast, request.says, dice);
  return {
    method,
    requestHead: request.head,
    requestBody: request.body,
    expectsContinue: request.expects,
    waitsForContinue: request.expects && dice.chance(0.7),
    isEarly: dice.chance(0.1),
    interim: isOld ? "" : dice.pick(["", "", "", earlyHints, "HTTP/1.1 102 Processing\r\n\r\n"]),
    replyHead: reply.head,
    replyBody: reply.body,
    closes: reply.closes,
    switches: false,
  };
}

const earlyHints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

function switchingTurn(index: number): Turn {
  const upgrade = "Connection: Upgrade\r\nUpgrade: other\r\n\r\n";
  return {
    method: "GET",
    requestHead: `GET /${index} HTTP/1.1\r\nHost: h.test\r\n${upgrade}`,
    requestBody: "",
    expectsContinue: false,
    waitsForContinue: false,
    isEarly: false,
    interim: "",
    replyHead: `HTTP/1.1 101 Switching Protocols\r\n${upgrade}`,
    replyBody: "",
    closes: false,
    switches: true,
  };
}

interface Said {
  readonly head: string;
  readonly body: string;
}

type RequestSaid = Said & { readonly expects: boolean; readonly says: "close" | "keep-alive" | null };

function requestOf(index: number, method: string, isOld: boolean, isLast: boolean, dice: Dice): RequestSaid {
  const isBare = method === "GET" || method === "HEAD";
  const kind = isBare
    ? dice.pick(["none", "none", "none", "length"])
    : dice.pick(["none", "length", isOld ? "length" : "chunked", "empty"]);
  const text = kind === "none" || kind === "empty" ? "" : someText(dice);
  const expects = text !== "" && !isOld && dice.chance(0.12);
  const says = isLast && dice.chance(0.15) ? "close" : isOld && dice.chance(0.5) ? "keep-alive" : null;
  const lines = [`${method} /${index}?q=${index} HTTP/1.${isOld ? 0 : 1}`, "Host: h.test", "X-cAsE:  v"];
  if (says) lines.push(`Connection: ${says}`);
  if (expects) lines.push("Expect: 100-continue");
  if (kind === "chunked") lines.push("Transfer-Encoding: chunked");
  else if (kind !== "none") lines.push(`Content-Length: ${text.length}`);
  const body = kind === "chunked" ? chunkedBody(text, dice) : text;
  return { head: `${lines.join("\r\n")}\r\n\r\n`, body, expects, says };
}

function replyOf(
  index: number,
  method: string,
  isOld: boolean,
  isLast: boolean,
  says: RequestSaid["says"],
  dice: Dice,
): Said & { readonly closes: boolean } {
  const status = dice.pick([200, 200, 200, 200, 404, 204, 304, 500, 201]);
  const isBare = status === 204 || status === 304;
  const kind = isBare
    ? "none"
    : dice.pick(["length", isOld ? "length" : "chunked", isLast ? "end" : "length", "empty"]);
  const text = kind === "none" || kind === "empty" ? "" : someText(dice);
  const mustClose = kind === "end" || says === "close" || (isOld && says !== "keep-alive");
  const closes = mustClose || (isLast && dice.chance(0.2));
  const lines = [`HTTP/1.1 ${status} ${dice.pick(["OK", "Fine thing", ""])}`, `X-Turn: ${index}`, "Date: x"];
  if (kind === "length" || kind === "empty") lines.push(`Content-Length: ${text.length}`);
  if (kind === "chunked") lines.push("transfer-encoding: chunked");
  if (status === 304 && dice.chance(0.5)) lines.push("Content-Length: 55");
  if (closes && kind !== "end") lines.push("Connection: close");
  const body = kind === "chunked" ? chunkedBody(text, dice) : text;
  return { head: `${lines.join("\r\n")}\r\n\r\n`, body: method === "HEAD" ? "" : body, closes };
}

function someText(dice: Dice): string {
  const length = dice.pick([0, 1, 5, 300, 5_000, dice.chance(0.2) ? 100_000 : 80]);
  return Buffer.from(Array.from({ length }, () => 97 + dice.below(26))).toString("latin1");
}
