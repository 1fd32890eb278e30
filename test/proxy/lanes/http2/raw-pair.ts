// A client and an upstream of raw frames with a data plane between them.

import type { Socket } from "node:net";
import { frame, frameTypes, preface } from "../../../../src/proxy/lanes/http2/frames.ts";
import { openRig, openServer, type Rig, type RigOptions } from "../../../support/rig.ts";
import { type RawFrame, RawPeer } from "./raw-peer.ts";

export interface RawPair {
  readonly client: RawPeer;
  /** The upstream's side of the first link that is dialled: the pinned one, or that of claimed calls. */
  upstream(): Promise<RawPeer>;
  readonly rig: Rig;
}

/** Works with one connection of a client. */
export async function withRawPair(
  options: Partial<RigOptions>,
  work: (pair: RawPair) => Promise<void>,
): Promise<void> {
  let arrived: (peer: RawPeer) => void = () => undefined;
  const upstream = new Promise<RawPeer>((resolve) => {
    arrived = resolve;
  });
  await using server = await openServer((socket: Socket) => arrived(new RawPeer(socket, preface.length)));
  await using rig = await openRig({ upstream: server.address, ...options });
  const socket = await rig.connect();
  try {
    await work({ client: new RawPeer(socket), rig, upstream: () => upstream });
  } finally {
    socket.destroy();
  }
}

export const is =
  (type: number, stream: number) =>
  (given: RawFrame): boolean =>
    given.type === type && given.stream === stream;

/** SETTINGS, and not an ACK. */
export const isSettings = ({ type, flags }: RawFrame): boolean => type === frameTypes.settings && flags === 0;

export function dataFrame(stream: number, bytes: Uint8Array, flagBits = 0): Buffer {
  return frame(frameTypes.data, flagBits, stream, bytes);
}
