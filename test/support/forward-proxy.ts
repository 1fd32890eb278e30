// A forward proxy for tests: every tunnel leads to one server of the test, whatever host was asked for.

import { connect, type Socket } from "node:net";
import { TLSSocket, type TlsOptions } from "node:tls";
import { connectTo, openServer, type Rig, readUntil, type TestServer } from "./rig.ts";

export interface ForwardProxy extends TestServer {
  /** The heads of the CONNECTs that came. */
  readonly asked: readonly string[];
}

/** `answer`: what a CONNECT gets; nothing behind it where that is not a 2xx. `tls`: it is spoken to over TLS. */
export async function openForwardProxy(
  port: number,
  answer: (head: string, nth: number) => string = () => "HTTP/1.1 200 OK\r\nVia: p\r\n\r\n",
  tls: TlsOptions | null = null,
): Promise<ForwardProxy> {
  const asked: string[] = [];
  const server = await openServer(async (socket) => {
    const client = tls ? new TLSSocket(socket, { isServer: true, ...tls }) : socket;
    client.on("error", () => undefined);
    const head = await readUntil(client, "\r\n\r\n").catch(() => "");
    if (head === "") return;
    asked.push(head);
    const reply = answer(head, asked.length);
    if (!/^HTTP\/1\.1 2/m.test(reply)) return void client.end(reply);
    const target = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    target.on("error", () => client.destroy());
    client.on("close", () => target.destroy());
    client.write(reply);
    client.pipe(target).pipe(client);
  });
  return { ...server, asked };
}

/** A tunnel to `place` through the rig, as a client of the proxy behind it asks for one. */
export async function tunnelThrough(rig: Rig, place: string, fields = ""): Promise<Socket> {
  const client = await connectTo(rig.address);
  client.write(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n${fields}\r\n`);
  const head = await readUntil(client, "\r\n\r\n");
  if (!head.startsWith("HTTP/1.1 2")) throw new Error(head);
  return client;
}
