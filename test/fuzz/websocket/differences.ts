// Whether each side got what the other said, as far as the scenario lets it.

import { isDeepStrictEqual } from "node:util";
import type { Deflate } from "../../../src/proxy/lanes/websocket/compression.ts";
import { DeflateReader } from "./deflate.ts";
import type { End } from "./end.ts";
import type { Plan, Step } from "./plan.ts";
import { type Item, ItemReader, ours } from "./reader.ts";
import { closedWith, isMarked, type Scenario } from "./scenario.ts";

export function readerOf(isOfClient: boolean, agreed: Plan["agreed"]): ItemReader {
  const deflate: Deflate | null = agreed === "unknown" ? null : agreed;
  const terms = isOfClient ? deflate?.toUpstream : deflate?.toDownstream;
  return new ItemReader(isOfClient, terms ? new DeflateReader(terms) : null);
}

export function differences(client: End, upstream: End, plan: Plan, scenario: Scenario): string[] {
  return [
    ...ofSide("client", client, plan.upstream, plan, scenario),
    ...ofSide("upstream", upstream, plan.client, plan, scenario),
  ];
}

/** `steps`: of the other side. */
function ofSide(
  who: "client" | "upstream",
  { ended, flaw, reader }: End,
  steps: readonly Step[],
  plan: Plan,
  scenario: Scenario,
): string[] {
  const found = flaw === "" ? [] : [`the ${who} cannot read what it gets: ${flaw}`];
  if (reader.wrongMasks > 0) found.push(`the ${who} got ${reader.wrongMasks} frames with a wrong mask`);
  const isUnread = plan.agreed === "unknown" || scenario.same === "octets";
  const isCut = plan.resets || (scenario.isClosed === true && !isUnread);
  if (isCut ? ended === "open" : ended !== "fin") found.push(`the ${who}'s connection ends by ${ended}`);
  const own = readerOf(who === "upstream", plan.agreed);
  own.feed(Buffer.concat(steps.map((step) => (step.kind === "say" ? step.bytes : Buffer.alloc(0)))));
  const lists = isUnread
    ? { here: [reader.octets()], there: [own.octets()] }
    : { here: seen(reader, scenario), there: expected(own.all(), scenario) };
  if (!isAlike(lists.here, lists.there, isCut))
    found.push(`the ${who} got ${place(lists.here, lists.there)}`);
  return found;
}

function seen(reader: ItemReader, { same, otherRules, isClosed = false }: Scenario): string[] {
  const all = reader.all().filter(({ content }) => content !== ours && !isOurClose(content, isClosed));
  return otherRules ? withoutMarks(all) : all.map((item) => shown(item, same));
}

/** Of a rule that closes, or like one: to the client with its code, to the upstream with 1001. */
function isOurClose(content: string, isClosed: boolean): boolean {
  const codes = [closedWith, 1001].map((code) => `8 ${String.fromCharCode(code >> 8, code & 255)}`);
  return isClosed && codes.includes(content);
}

/** What must come of what was said. */
function expected(all: readonly Item[], scenario: Scenario): string[] {
  if (scenario.otherRules) return withoutMarks(all);
  const left = isMarked(scenario) ? changed(all) : all;
  const { same, isClosed = false } = scenario;
  return left.filter(({ content }) => !isOurClose(content, isClosed)).map((item) => shown(item, same));
}

/** Of messages that a rule may or may not have changed nothing can be said. */
function withoutMarks(all: readonly Item[]): string[] {
  return all.filter(({ content }) => !content.includes("~")).map((item) => shown(item, "messages"));
}

function shown({ kind, raw, content }: Item, same: Scenario["same"]): string {
  return same === "messages" ? `${kind}: ${content}` : raw;
}

/** What the rules leave. */
function changed(all: readonly Item[]): Item[] {
  const left: Item[] = [];
  let group: Item[] = [];
  const letGo = (): void => {
    left.push(...group.reverse());
    group = [];
  };
  for (const item of all) {
    const { kind, content } = item;
    const isMessage = kind === "text" || kind === "binary";
    const mark = isMessage ? /^~[a-z]+~/.exec(content)?.[0] : undefined;
    if (kind === "rest" || content.startsWith("8 ")) letGo();
    if (mark === "~drop~" || mark === "~ask~") continue;
    if (mark === "~twice~") left.push(item, item, item);
    else if (mark === "~patch~") left.push({ ...item, kind: "text", content: "~patched~" });
    else if (mark !== "~group~") left.push(item);
    else if (group.push(item) === 2) letGo();
  }
  letGo();
  return left;
}

/** `resets`: something may be missing at the end, and the last may be there in part. */
function isAlike(here: readonly string[], there: readonly string[], resets: boolean): boolean {
  if (!resets) return isDeepStrictEqual(here, there);
  const whole = here.filter((item) => !item.startsWith("rest: "));
  return there.join("").startsWith(whole.join(""));
}

/** Where two lists part. */
function place(here: readonly string[], there: readonly string[]): string {
  let at = 0;
  while (at < here.length && here[at] === there[at]) at++;
  const show = (item: string | undefined) =>
    item === undefined ? "nothing" : pieceOf(item, here[at], there[at]);
  return `${here.length} items, not ${there.length}; at ${at} ${show(here[at])}, not ${show(there[at])}`;
}

function pieceOf(item: string, one = "", two = ""): string {
  let at = 0;
  while (at < one.length && one[at] === two[at]) at++;
  return `${item.length} octets (from ${at} on ${JSON.stringify(item.slice(Math.max(0, at - 10), at + 60))})`;
}
