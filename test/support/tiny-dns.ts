// A DNS server that knows a few names, for tests of what carries DNS.

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIP } from "node:net";

export interface TinyDns {
  readonly port: number;
  /** Names that were asked for, with the type's number: `shop.test/1`. */
  readonly asked: readonly string[];
  close(): void;
}

/**
 * Answers A queries for `names`; everything else does not exist (or has no such record). `failure`: the code with which it
 * says that a name does not exist, or null for silence.
 */
export async function startTinyDns(
  names: Readonly<Record<string, string>>,
  host = "127.0.0.1",
  failure: number | null = 3,
): Promise<TinyDns> {
  const socket: Socket = createSocket(isIP(host) === 6 ? "udp6" : "udp4");
  const asked: string[] = [];
  socket.on("message", (query, from) => {
    const { name, type, end } = readQuestion(query);
    asked.push(`${name}/${type}`);
    const address = names[name];
    if (address === undefined && failure === null) return;
    const records = address !== undefined && type === 1 ? [Buffer.from(address.split(".").map(Number))] : [];
    const head = Buffer.from(query.subarray(0, end));
    head.writeUInt16BE(0x8180 | (address === undefined ? (failure ?? 0) : 0), 2);
    head.writeUInt16BE(records.length, 6);
    head.fill(0, 8, 12);
    const answers = records.map((data) =>
      Buffer.concat([Buffer.from("c00c00010001000000010004", "hex"), data]),
    );
    socket.send(Buffer.concat([head, ...answers]), from.port, from.address);
  });
  socket.bind(0, host);
  await once(socket, "listening");
  return { port: socket.address().port, asked, close: () => socket.close() };
}

/** A query for the A record of `name`, or one of another type. */
export function dnsQuery(id: number, name: string, type = 1): Buffer {
  const labels = name.split(".").flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  const head = Buffer.alloc(12);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(0x0100, 2);
  head.writeUInt16BE(1, 4);
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, type, 0, 1])]);
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}
