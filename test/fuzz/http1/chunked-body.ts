// A body in chunks (RFC 9112 §7.1): of any size, written in any way, with extensions and trailers.

import type { Dice } from "../dice.ts";

export function chunkedBody(text: string, dice: Dice): string {
  const chunks: string[] = [];
  for (let at = 0; at < text.length; ) {
    const bytes = Math.min(text.length - at, 1 + dice.below(Math.ceil(text.length / 2)));
    const size = dice.chance(0.5) ? bytes.toString(16).toUpperCase() : `0${bytes.toString(16)}`;
    const extension = dice.pick(["", "", ";a=b", ';x="y;z"', ";flag"]);
    chunks.push(`${size}${extension}\r\n${text.slice(at, at + bytes)}\r\n`);
    at += bytes;
  }
  const trailers = dice.chance(0.3) ? "X-Sum: abc\r\nx-Two: 2\r\n" : "";
  return `${chunks.join("")}0${dice.pick(["", ";e=1"])}\r\n${trailers}\r\n`;
}
