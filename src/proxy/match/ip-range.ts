// IP addresses as numbers, and CIDR blocks of them. An IPv4-mapped IPv6 address is its IPv4 address (RFC 4291 §2.5.5.2).

import { isIPv4, isIPv6 } from "node:net";

/** Big-endian 32-bit words: one for IPv4, four for IPv6. */
export type IpWords = readonly number[];

export interface IpRange {
  readonly words: IpWords;
  /** Length of the prefix in bits of `words`. */
  readonly bits: number;
}

/** null where the text is no address. A zone (`%eth0`) is left out. */
export function parseIp(text: string): IpWords | null {
  if (isIPv4(text)) return [parseIpv4(text)];
  if (!isIPv6(text)) return null;
  const words = parseIpv6(text.replace(/%.*$/, ""));
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return mapped ? words.slice(3) : words;
}

/** `10.0.0.0/8`, `fd00::/8`, or a single address; null where it is neither. */
export function parseIpRange(text: string): IpRange | null {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const words = parseIp(address);
  if (words === null) return null;
  const written = isIPv4(address) ? 32 : 128;
  const length = slash === -1 ? String(written) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(length) || Number(length) > written) return null;
  // The prefix of a mapped address counts from the start of its IPv6 form.
  const bits = Number(length) - (written - words.length * 32);
  return bits < 0 ? null : { words, bits };
}

export function rangeHas(range: IpRange, words: IpWords): boolean {
  if (words.length !== range.words.length) return false;
  for (let i = 0, left = range.bits; left > 0; i++, left -= 32) {
    const mask = left >= 32 ? 0xffffffff : (0xffffffff << (32 - left)) >>> 0;
    if ((((words[i] ?? 0) ^ (range.words[i] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** One text for one address, however it was written: for use as a key. */
export function ipKey(words: IpWords): string {
  return words.map((word) => word.toString(16)).join(":");
}

function parseIpv4(text: string): number {
  return text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function parseIpv6(text: string): number[] {
  const [head = "", tail] = text.split("::");
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const all = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  return [0, 2, 4, 6].map((i) => ((all[i] ?? 0) * 0x10000 + (all[i + 1] ?? 0)) >>> 0);
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((part) => {
    if (!part.includes(".")) return [Number.parseInt(part, 16)];
    const value = parseIpv4(part);
    return [value >>> 16, value & 0xffff];
  });
}
