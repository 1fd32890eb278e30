// A client and an upstream that both speak raw frames, with a data plane between them.

import type { Socket } from "node:net";
import { preface } from "../../../src/proxy/lanes/http2/frames.ts";
import { RawPeer } from "../../proxy/lanes/http2/raw-peer.ts";
import { openRig, openServer, type Rig, type RigOptions } from "../../support/rig.ts";

export interface Pair {
  readonly client: RawPeer;
  /** The link to the upstream, once there is one. */
  upstream(): Promise<RawPeer>;
  readonly rig: Rig;
}

/** Lends `work` a pair; everything is closed behind it. */
export async function between(
  options: Partial<RigOptions>,
  work: (pair: Pair) => Promise<void>,
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
