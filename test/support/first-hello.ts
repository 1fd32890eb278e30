// What Node's TLS client says first, for tests of what reads it.

import { once } from "node:events";
import type { Socket } from "node:net";
import { type ConnectionOptions, connect } from "node:tls";
import { openServer } from "./rig.ts";

/** The ClientHello of a client with these options. */
export async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const arrived = Promise.withResolvers<Socket>();
  await using server = await openServer((socket) => arrived.resolve(socket));
  const client = connect({ ...server.address, ...options });
  client.on("error", () => undefined);
  const [chunk] = await once(await arrived.promise, "data");
  client.destroy();
  return chunk;
}
