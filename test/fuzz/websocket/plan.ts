// What is said on one WebSocket by both sides, and how it ends. All of it is laid down before the first byte goes.

import type { Deflate, DeflateTerms } from "../../../src/proxy/lanes/websocket/compression.ts";
import { Dice } from "../dice.ts";
import { DeflateWriter } from "./deflate.ts";
import { FrameWriter } from "./writer.ts";

export type Step =
  /** `cuts`: where one write ends and the next begins. */
  | { readonly kind: "say"; readonly bytes: Buffer; readonly cuts: readonly number[] }
  /** Waits for so many messages of the other side that no rule touches. */
  | { readonly kind: "hear"; readonly messages: number }
  | { readonly kind: "hearClose" | "hearEnd" | "end" | "reset" }
  /** `deaf`: reads nothing meanwhile. */
  | { readonly kind: "rest" | "deaf"; readonly ms: number };

export interface Plan {
  /** What the upstream agrees to; null: no extension. `unknown`: one that nobody here knows. */
  readonly agreed: Deflate | null | "unknown";
  readonly client: readonly Step[];
  readonly upstream: readonly Step[];
  /** The first frames of the upstream come with its handshake. */
  readonly isGlued: boolean;
  /** One side resets the connection: what is on its way may be lost. */
  readonly resets: boolean;
  /** A larger message is not looked into. */
  readonly maxRuleBodyBytes: number;
  /** What each side takes of a stream of HTTP/2 at once. */
  readonly windowBytes: { readonly client: number; readonly upstream: number };
}

/** What rules are about; all else is plain. */
export const marks = ["~drop~", "~twice~", "~patch~", "~ask~", "~slow~", "~group~"] as const;

export interface PlanOptions {
  /** Messages with marks; then none of those that may be compressed is larger than what is looked into. */
  readonly isMarked: boolean;
  /** One side may end while the other goes on. */
  readonly isHalfOpen: boolean;
}

type SideName = "client" | "upstream";
const other = { client: "upstream", upstream: "client" } as const;

export function planOf(seed: number, { isMarked, isHalfOpen }: PlanOptions): Plan {
  const dice = new Dice(seed);
  const agreed = dice.pick([null, null, "unknown", "deflate", "deflate", "deflate", "deflate"]);
  const deflate = agreed === "deflate" ? { toUpstream: termsOf(dice), toDownstream: termsOf(dice) } : null;
  const maxRuleBodyBytes = dice.pick([1_048_576, 1_048_576, 7_000]);
  const mostBytes = isMarked && deflate ? maxRuleBodyBytes : 300_000;
  const options = { isMarked, isHalfOpen, mostBytes, mostMarkedBytes: maxRuleBodyBytes };
  const talk = {
    client: new Talk(true, deflate?.toUpstream ?? null, options, dice),
    upstream: new Talk(false, deflate?.toDownstream ?? null, options, dice),
  };
  for (let left = dice.below(40); left > 0; left--) {
    const side: SideName = dice.chance(0.5) ? "client" : "upstream";
    talk[side].turn(talk[other[side]].plainMessages);
  }
  const resets = end(talk, isHalfOpen, dice);
  const { client, upstream } = { client: talk.client.steps, upstream: talk.upstream.steps };
  // Node may stand still for ever where a stream that waits for a window is reset, or is not read for a while.
  const isSteady = !resets && [...client, ...upstream].every(({ kind }) => kind !== "deaf");
  const windowOf = () => (isSteady ? dice.pick([65_535, 65_535, 1_000_000, 3_000, 100]) : 65_535);
  const windowBytes = { client: windowOf(), upstream: windowOf() };
  const isGlued = upstream[0]?.kind === "say" && dice.chance(0.5);
  return {
    agreed: deflate ?? (agreed === "unknown" ? agreed : null),
    client,
    upstream,
    isGlued,
    resets,
    maxRuleBodyBytes,
    windowBytes,
  };
}

function termsOf(dice: Dice): DeflateTerms {
  return { takeover: dice.chance(0.7), windowBits: dice.pick([15, 15, 15, 8, 9, 12]) };
}

/** True: by a reset. */
function end(talk: Record<SideName, Talk>, isHalfOpen: boolean, dice: Dice): boolean {
  const first: SideName = dice.chance(0.5) ? "client" : "upstream";
  const one = talk[first];
  const two = talk[other[first]];
  const halves = isHalfOpen ? (["ended", "torn", "junk", "unanswered"] as const) : [];
  const how = dice.pick(["closed", "closed", "closed", "crossing", "reset", ...halves]);
  switch (how) {
    case "closed":
      one.close();
      two.steps.push({ kind: "hearClose" });
      two.close();
      return bothEnd(talk, { kind: "hearClose" });
    case "crossing":
      one.close();
      two.close();
      return bothEnd(talk, { kind: "hearClose" });
    case "unanswered":
      one.close();
      one.steps.push({ kind: "end" });
      two.steps.push({ kind: "hearClose" }, { kind: "end" });
      return false;
    case "junk":
      one.close();
      one.say(Buffer.from("junk behind a close"));
      one.steps.push({ kind: "end" });
      two.steps.push({ kind: "hearEnd" }, { kind: "end" });
      return false;
    case "ended":
      one.steps.push({ kind: "end" });
      if (dice.chance(0.5)) two.steps.push({ kind: "hearEnd" });
      for (let left = dice.below(6); left > 0; left--) two.message();
      two.steps.push({ kind: "end" });
      return false;
    case "torn":
      one.tear();
      one.steps.push({ kind: "end" });
      two.steps.push({ kind: "hearEnd" }, { kind: "end" });
      return false;
    default:
      if (dice.chance(0.5)) one.tear();
      if (dice.chance(0.5)) one.steps.push({ kind: "rest", ms: 2 });
      one.steps.push({ kind: "reset" });
      two.steps.push({ kind: "hearEnd" }, { kind: "end" });
      return true;
  }
}

/** RFC 6455 §7.1.1: the server ends the connection first. */
function bothEnd({ client, upstream }: Record<SideName, Talk>, heard: Step): false {
  upstream.steps.push(heard, { kind: "end" });
  client.steps.push({ kind: "hearEnd" }, { kind: "end" });
  return false;
}

interface TalkOptions extends PlanOptions {
  readonly mostBytes: number;
  /** Larger ones are not looked into. */
  readonly mostMarkedBytes: number;
}

class Talk {
  readonly steps: Step[] = [];
  /** Sent so far, and touched by no rule. */
  plainMessages = 0;
  readonly #writer: FrameWriter;
  readonly #dice: Dice;
  readonly #options: TalkOptions;

  constructor(isClient: boolean, terms: DeflateTerms | null, options: TalkOptions, dice: Dice) {
    this.#dice = dice;
    this.#options = options;
    this.#writer = new FrameWriter(isClient, terms && new DeflateWriter(terms, dice), dice);
  }

  turn(messagesOfOther: number): void {
    const what = this.#dice.below(100);
    if (what < 75) this.message();
    else if (what < 85) this.say(this.#writer.control());
    else if (what < 95) this.steps.push({ kind: "hear", messages: messagesOfOther });
    else this.steps.push({ kind: what < 97 ? "rest" : "deaf", ms: 1 + this.#dice.below(4) });
  }

  message(): void {
    const dice = this.#dice;
    const isBinary = dice.chance(0.3);
    const { isMarked, mostBytes, mostMarkedBytes } = this.#options;
    const plain = contentOf(isBinary, mostBytes - 100, dice);
    const isMarkable = isMarked && plain.length < mostMarkedBytes - 100;
    const mark = isMarkable && dice.chance(0.5) ? dice.pick(marks) : "";
    if (mark === "") this.plainMessages++;
    const content = Buffer.concat([Buffer.from(mark), plain]);
    for (const frame of this.#writer.message(content, isBinary)) this.say(frame);
  }

  close(): void {
    this.say(this.#writer.close());
  }

  /** Leaves off in the midst of a message, or of a frame. */
  tear(): void {
    const dice = this.#dice;
    const isWhole = dice.chance(0.5);
    const frames = this.#writer.message(contentOf(true, 5_000, dice), true, isWhole);
    const bytes = Buffer.concat(frames);
    this.say(isWhole ? bytes.subarray(0, dice.below(bytes.length)) : bytes);
  }

  say(bytes: Buffer): void {
    const last = this.steps.at(-1);
    const isJoined = last?.kind === "say" && this.#dice.chance(0.4);
    if (isJoined) this.steps.pop();
    const all = isJoined ? Buffer.concat([last.bytes, bytes]) : bytes;
    this.steps.push({ kind: "say", bytes: all, cuts: cutsOf(all.length, this.#dice) });
  }
}

function cutsOf(length: number, dice: Dice): readonly number[] {
  if (length <= 100 && dice.chance(0.1))
    return Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1);
  const count = dice.pick([0, 0, 0, 1, 2, 5]);
  return Array.from({ length: count }, () => dice.below(length + 1)).sort((a, b) => a - b);
}

const words = ["the same old story", "about", "€uro", "zwölf", "𝄞", "and", '{"price": 12}', " "] as const;

function contentOf(isBinary: boolean, mostBytes: number, dice: Dice): Buffer {
  const wanted = dice.pick([
    0,
    1,
    5,
    40,
    118,
    120,
    126,
    300,
    3_000,
    dice.chance(0.1) ? 66_000 : 60,
    dice.chance(0.05) ? 250_000 : 10,
  ]);
  const bytes = Math.min(wanted, mostBytes);
  if (isBinary && dice.chance(0.5)) return Buffer.from(Array.from({ length: bytes }, () => dice.below(120)));
  let text = "";
  while (text.length < bytes / 2) text += dice.chance(0.02) ? String(dice.below(1e9)) : dice.pick(words);
  return Buffer.from(text.slice(0, bytes).replace(/[\ud800-\udbff]$/, ""));
}
