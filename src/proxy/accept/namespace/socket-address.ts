// IP addresses in the kernel's own form: sockaddr_in and sockaddr_in6, as system calls want them.

import { isIPv4 } from "node:net";
import { endianness } from "node:os";

const AF_INET = 2;
const AF_INET6 = 10;

/** A sockaddr for an IP address as text (a valid one, without a zone) and a port. */
export function socketAddress(host: string, port: number): Buffer {
  const bytes = isIPv4(host) ? ipv4Bytes(host) : ipv6Bytes(host);
  const address = Buffer.alloc(bytes.length === 4 ? 16 : 28);
  // The family is in the machine's byte order, the port in the network's.
  const family = bytes.length === 4 ? AF_INET : AF_INET6;
  if (endianness() === "LE") address.writeUInt16LE(family, 0);
  else address.writeUInt16BE(family, 0);
  address.writeUInt16BE(port, 2);
  address.set(bytes, bytes.length === 4 ? 4 : 8);
  return address;
}

function ipv4Bytes(host: string): Uint8Array {
  return Uint8Array.from(host.split("."), Number);
}

/** RFC 4291 §2.2: groups of hex, one run of zeros as `::`, perhaps an IPv4 address at the end. */
function ipv6Bytes(host: string): Uint8Array {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(host);
  const last = tail ? [...ipv4Bytes(tail[2] ?? "")] : [];
  const text = tail ? (tail[1] ?? "").replace(/([^:]):$/, "$1") : host;
  const [left = "", right = ""] = text.split("::");
  const [head, end] = [groupBytes(left), [...groupBytes(right), ...last]];
  if (!text.includes("::")) return Uint8Array.from([...head, ...last]);
  const zeros = new Array<number>(16 - head.length - end.length).fill(0);
  return Uint8Array.from([...head, ...zeros, ...end]);
}

function groupBytes(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
