// Whether each side saw what the other sent, and nothing else: heads, bodies, trailers, ends and codes, byte for byte, but for what a
// rule does.

import type { Fields } from "./hpack-writer.ts";
import type { Peer } from "./peer.ts";
import type { PeerStream } from "./peer-stream.ts";
import { mockBodies, relayedPath, type Scenario, truncatedPath } from "./scenario.ts";

const refusedStream = 7;

/** What has not come to its end. */
export function stillOpen(client: Peer, upstreams: readonly Peer[], { ending }: Scenario): string[] {
  const found: string[] = [];
  for (const peer of [client, ...upstreams]) {
    const who = peer.isServer ? "upstream" : "client";
    if (peer.wire.ended !== null) continue;
    if (peer.wire.isWaiting) found.push(`${who}: has not sent everything`);
    for (const stream of peer.open.values()) found.push(`${who}: stream ${describe(stream)} is open`);
    if (!ending && peer.pings !== peer.pongs) found.push(`${who}: ${peer.pings} PING, ${peer.pongs} answers`);
  }
  return found;
}

export function differences(client: Peer, upstreams: readonly Peer[], scenario: Scenario): string[] {
  const found: string[] = [];
  const { ending } = scenario;
  if (!ending && client.isSentAway) found.push("the client is sent away");
  if (!ending && client.wire.ended !== null)
    found.push(`the client's connection ended: ${client.wire.ended}`);
  if (!ending && upstreams.some(({ isSentAway }) => isSentAway)) found.push("an upstream is sent away");
  if (!ending) found.push(...ofWindows(client, upstreams));
  const asked = new Map<string, PeerStream>();
  for (const upstream of upstreams) for (const stream of upstream.all.values()) asked.set(stream.key, stream);
  for (const stream of client.all.values()) {
    const other = asked.get(stream.key);
    const wrong = other ? ofRelayed(stream, other, scenario) : ofUnseen(stream, client, scenario);
    for (const what of wrong) found.push(`stream ${describe(stream)}: ${what}`);
  }
  return found;
}

/** What the client may send is what the upstream takes: what did not go there was given back (RFC 9113 §5.2). */
function ofWindows(client: Peer, upstreams: readonly Peer[]): string[] {
  const taker = upstreams.find(takesRelayed);
  if (!taker || client.sendWindow === taker.receiveWindow) return [];
  return [`the client may send ${client.sendWindow} octets, the upstream takes ${taker.receiveWindow}`];
}

/** The upstream's end of the connection for what is relayed. */
export function takesRelayed({ all }: Peer): boolean {
  return [...all.values()].some(({ path }) => path === relayedPath);
}

function describe({ id, path, sentEnd, gotEnd, gotHead, sendWindow, receiveWindow }: PeerStream): string {
  const state = [sentEnd && "sent", gotHead && "answered", gotEnd && "got"].filter(Boolean).join(", ");
  return `${id} ${path} (${state}; windows ${sendWindow}, ${receiveWindow})`;
}

/** A call that no upstream has seen: a mock, or one that ended on the way. */
function ofUnseen(stream: PeerStream, client: Peer, { rules, ending }: Scenario): string[] {
  const mocked = (rules?.length ?? 0) > 1 ? mockBodies.get(stream.path) : undefined;
  const isOver = stream.reset?.byUs || (ending && client.wire.ended !== null);
  const isDisowned = ending && stream.reset?.code === refusedStream;
  if (isOver || isDisowned) return [];
  if (mocked === undefined) return ending === "cut" ? [] : [`never asked; ${JSON.stringify(stream.reset)}`];
  if (stream.reset) return [`a mock is reset with ${stream.reset.code}`];
  return stream.upTo.toString() === mocked ? [] : [`a mock of ${stream.upTo.length} octets`];
}

function ofRelayed(
  stream: PeerStream,
  other: PeerStream,
  { ending, isSecure, otherRules, rules }: Scenario,
): string[] {
  const found: string[] = [];
  const isRuled = (rules?.length ?? 0) > 1;
  if (isRuled && !otherRules && mockBodies.has(stream.path)) found.push("a mocked call came to the upstream");
  const isCut = ending === "cut" || (isRuled && stream.path === truncatedPath);
  const isWhole = !isCut && !stream.reset && !other.reset;
  const isFailure = stream.gotHead?.[0]?.[1] === "502";
  if (isCut && isSecure && isFailure) return found; // a client of ours is told in words
  const arrived = (sent: Buffer, got: Buffer) => (isWhole ? sent : sent.subarray(0, got.length)).equals(got);
  if (!arrived(stream.wrote, other.upTo))
    found.push(`${stream.wrote.length} octets went up, ${other.upTo.length} came`);
  if (!arrived(other.wrote, stream.upTo))
    found.push(`${other.wrote.length} octets went down, ${stream.upTo.length} came`);
  if (!isSame(inOrder(other.gotHead), inOrder(stream.sentHead))) found.push("the request head differs");
  if (stream.gotHead && !isSame(stream.gotHead, other.sentHead)) found.push("the response head differs");
  if (isWhole && !isSame(other.gotTrailers, stream.sentTrailers)) found.push("the request trailers differ");
  if (isWhole && !isSame(stream.gotTrailers, other.sentTrailers)) found.push("the response trailers differ");
  if (isWhole && !(stream.gotEnd && other.gotEnd)) found.push("no end");
  if (!isCut) found.push(...ofResets(stream, other));
  return found;
}

function ofResets(stream: PeerStream, other: PeerStream): string[] {
  const found: string[] = [];
  const [down, up] = [stream.reset, other.reset];
  if (down && !down.byUs && !up) found.push(`reset to the client with ${down.code}, not by the upstream`);
  if (up && !up.byUs && !down) found.push(`reset to the upstream with ${up.code}, not by the client`);
  if (down && up && !down.byUs && up.byUs && down.code !== up.code)
    found.push(`reset by the upstream with ${up.code}, to the client with ${down.code}`);
  return found;
}

function isSame(a: Fields | null, b: Fields | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Pseudo-header fields may change places (RFC 9113 §8.3: their order says nothing). */
function inOrder(fields: Fields | null): Fields | null {
  if (!fields) return null;
  const isPseudo = ([name]: Fields[number]) => name.startsWith(":");
  const pseudo = fields.filter(isPseudo).sort(([a], [b]) => (a < b ? -1 : 1));
  return [...pseudo, ...fields.filter((field) => !isPseudo(field))];
}
