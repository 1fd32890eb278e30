// Asks the kernel where a redirected connection wanted to go (SO_ORIGINAL_DST): one system call through FFI.
// Works on any accepted socket that this process holds, whichever network namespace it lives in.

import type { Socket } from "node:net";
import koffi from "koffi";
import type { HostPort } from "../../core/address.ts";

// Linux: include/uapi/linux/{in,in6}.h and netfilter_ipv4.h, netfilter_ipv6/ip6_tables.h.
const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80; // IP6T_SO_ORIGINAL_DST has the same number
const SOCKADDR_IN6_BYTES = 28; // sockaddr_in needs 16 of them

const getsockopt: (fd: number, level: number, option: number, value: Buffer, length: Uint32Array) => number =
  koffi.load(null).func("int getsockopt(int fd, int level, int option, void *value, void *length)");

// Filled and read within one synchronous call, so that one of each is enough for the whole process.
const address = Buffer.alloc(SOCKADDR_IN6_BYTES);
const length = new Uint32Array(1);

/**
 * Where the client of an accepted socket dialled before nftables redirected it (1 to 2 µs). IPv4-mapped addresses
 * are given as IPv4. Null where the connection was not redirected: it dialled our listener itself, or the kernel
 * keeps no record of it.
 */
export function originalDestination(socket: Socket): HostPort | null {
  const fd = descriptorOf(socket);
  const local = socket.localAddress;
  if (fd < 0 || local === undefined) return null;
  const isIPv6 = local.includes(":") && !local.startsWith("::ffff:");
  length[0] = SOCKADDR_IN6_BYTES;
  if (getsockopt(fd, isIPv6 ? SOL_IPV6 : SOL_IP, SO_ORIGINAL_DST, address, length) !== 0) return null;
  const port = address.readUInt16BE(2);
  const host = isIPv6 ? printIPv6(address.subarray(8, 24)) : printIPv4(address, 4);
  // Without a redirect the kernel answers with the very address that was accepted on.
  const isOwn = port === socket.localPort && host === (isIPv6 ? local : local.replace("::ffff:", ""));
  return isOwn ? null : { host, port };
}

/** libuv's descriptor. `_handle.fd` is the only way to it; Node's own cluster module relies on the same object. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  return handle?.fd ?? -1;
}

function printIPv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Text of an IPv6 address: the longest run of two or more zero groups becomes `::` (RFC 5952 §4). */
export function printIPv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return printIPv4(bytes, 12);
  }
  const { start, count } = longestZeroRun(groups);
  const text = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return count < 2 ? text(0, 8) : `${text(0, start)}::${text(start + count, 8)}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; count: number } {
  let best = { start: 0, count: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.count) best = { start, count: i - start };
    start = i + 1;
  }
  return best;
}
