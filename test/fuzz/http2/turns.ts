// What a peer may do in one turn of a conversation, by chance; and how it brings everything to its end.

import type { Dice } from "../dice.ts";
import type { Fields } from "./hpack-writer.ts";
import type { Peer } from "./peer.ts";
import type { PeerStream } from "./peer-stream.ts";
import { settingIds, someSettings } from "./terms.ts";

const mostOpen = 30;
const resetCodes = [0, 2, 7, 8, 11] as const;
const cancel = 8;

/** Fields that come again, in part, so that they are found in tables. */
function someFields(dice: Dice): Fields {
  const fields: [string, string][] = [];
  for (let left = dice.below(6); left > 0; left--) {
    const length = Math.min(dice.below(300), dice.below(300));
    fields.push([`x-${dice.below(8)}`, "v".repeat(length) + dice.below(5)]);
  }
  if (dice.chance(0.03)) fields.push(["x-huge", "h".repeat(dice.below(20_000))]);
  return fields;
}

/** `paths`: what may be asked for. `isEnding`: nothing new is begun. */
export function clientTurn(client: Peer, isEnding: boolean, paths: readonly [string, ...string[]]): void {
  const { dice } = client;
  if (!isEnding && client.open.size < mostOpen && dice.chance(0.4))
    client.ask(`k${client.all.size}`, dice.pick(paths), someFields(dice));
  for (const stream of [...client.open.values()]) {
    if (!isEnding && dice.chance(0.5)) continue;
    if (!isEnding && dice.chance(0.02)) client.reset(stream, cancel);
    else if (!stream.sentEnd) sendOn(client, stream, isEnding || dice.chance(0.2));
  }
  connectionTurn(client, isEnding);
}

export function upstreamTurn(upstream: Peer, isEnding: boolean): void {
  const { dice } = upstream;
  for (const stream of [...upstream.open.values()]) {
    if (!isEnding && dice.chance(0.5)) continue;
    if (stream.sentHead) answerOn(upstream, stream, isEnding);
    else if (isEnding || stream.gotEnd || dice.chance(0.7)) beginAnswer(upstream, stream);
  }
  connectionTurn(upstream, isEnding);
}

function beginAnswer(upstream: Peer, stream: PeerStream): void {
  const { dice } = upstream;
  const interim: Fields = [
    [":status", "103"],
    ["link", "x"],
  ];
  if (dice.chance(0.15)) return upstream.block(stream, interim, false);
  stream.sentHead = [[":status", "200"], ["x-key", stream.key], ...someFields(dice)];
  upstream.block(stream, stream.sentHead, dice.chance(0.15));
}

function answerOn(upstream: Peer, stream: PeerStream, isEnding: boolean): void {
  const { dice } = upstream;
  if (stream.sentEnd) return;
  if (!isEnding && dice.chance(0.03)) upstream.reset(stream, dice.pick(resetCodes));
  else sendOn(upstream, stream, isEnding || dice.chance(0.15));
}

function sendOn(peer: Peer, stream: PeerStream, ends: boolean): void {
  const { dice } = peer;
  if (!ends) return peer.data(stream, dice.below(dice.chance(0.2) ? 60_000 : 3_000), false);
  if (dice.chance(0.35)) peer.trailers(stream, [["x-trailer", `${dice.below(100)}`], ...someFields(dice)]);
  else peer.data(stream, dice.below(500), true);
}

function connectionTurn(peer: Peer, isEnding: boolean): void {
  const { dice } = peer;
  if (isEnding) openWide(peer);
  else if (dice.chance(0.1) && peer.own.unheard < 10) peer.say(someSettings(dice, peer.isServer));
  else if (dice.chance(0.06)) peer.ping();
  else if (dice.chance(0.2)) grantSome(peer);
  else if (dice.chance(0.03)) peer.unknownFrame();
  peer.wire.flush();
}

function grantSome(peer: Peer): void {
  const { dice } = peer;
  for (const stream of peer.open.values())
    if (dice.chance(0.5) && !stream.gotEnd && stream.receiveWindow < 100_000)
      peer.grant(stream, 1 + dice.below(30_000));
  if (peer.receiveWindow < 100_000) peer.grant(null, 1 + dice.below(60_000));
}

/** Nobody shall wait for us. */
function openWide(peer: Peer): void {
  const { windowBytes, streams } = peer.own.latest;
  if (peer.receiveWindow < 500_000) peer.grant(null, 500_000);
  if (windowBytes < 65_535) peer.say([[settingIds.window, 65_535]]);
  if (streams < 100) peer.say([[settingIds.streams, 100]]);
  for (const stream of peer.open.values())
    if (!stream.gotEnd && stream.receiveWindow < 300_000) peer.grant(stream, 300_000);
}
