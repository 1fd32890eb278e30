// Addresses between their bytes on the wire (4 or 16) and their texts. No look-up: names are none of ours.

import { isIP } from "node:net";

/** The text of an address; null where it is neither 4 nor 16 bytes. A v4-mapped address stays apart from its short form. */
export function hostOfBytes(addr: Uint8Array): string | null {
  if (addr.length === 4) return `${addr[0]}.${addr[1]}.${addr[2]}.${addr[3]}`;
  if (addr.length !== 16) return null;
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((addr[i] ?? 0) << 8) | (addr[i + 1] ?? 0)).toString(16));
  return groups.join(":");
}

/** The bytes of an IPv4 or IPv6 literal (a zone is ignored); null for anything else. */
export function bytesOfHost(host: string): Buffer | null {
  switch (isIP(host)) {
    case 4:
      return Buffer.from(host.split(".").map(Number));
    case 6:
      return bytesOfIpv6(host.replace(/%.*$/, ""));
    default:
      return null;
  }
}

function bytesOfIpv6(host: string): Buffer {
  const dotted = /(?:\d+\.){3}\d+$/.exec(host)?.[0];
  const text = dotted === undefined ? host : host.slice(0, -dotted.length) + groupsOfIpv4(dotted);
  const [head = "", tail] = text.split("::");
  const groupsOf = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...before, ...zeros, ...after].entries())
    bytes.writeUInt16BE(group, index * 2);
  return bytes;
}

function groupsOfIpv4(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split(".").map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
