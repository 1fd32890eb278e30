// Template helpers of chance. All of it comes from the process's Random, so that a seeded run repeats.

import type { Random } from "../../core/random.ts";
import { boundedInteger, numberOf, type TemplateHelper, textOf } from "./template-helpers.ts";

const maxTextLength = 4096;
const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** `{{uuid}}`, `{{randomInt 1 6}}`, `{{randomChoice "a" "b"}}`, `{{randomHex 16}}`, `{{randomString 8 from="abc"}}` */
export function chanceHelpers(random: Random): Readonly<Record<string, TemplateHelper>> {
  return {
    uuid: () => uuid(random),
    randomInt: ([min = 0, max = 100]) => {
      const low = numberOf(min);
      const high = numberOf(max);
      if (high < low) throw new Error(`randomInt: expected the smaller bound first, got ${low} and ${high}`);
      return Math.floor(low + random.next() * (high - low + 1));
    },
    randomChoice: (args) => {
      const [first] = args;
      const choices: readonly unknown[] = args.length === 1 && Array.isArray(first) ? first : args;
      return choices[Math.floor(random.next() * choices.length)];
    },
    randomHex: ([length = 16]) => randomText(random, lengthOf("randomHex", length), "0123456789abcdef"),
    randomString: ([length = 16], { from }) => {
      const alphabet = from === undefined ? alphanumeric : textOf(from);
      return randomText(random, lengthOf("randomString", length), alphabet);
    },
  };
}

function lengthOf(name: string, value: unknown): number {
  return boundedInteger(name, value, 0, maxTextLength);
}

function randomText(random: Random, length: number, alphabet: string): string {
  let text = "";
  for (let i = 0; i < length; i++) text += alphabet.charAt(Math.floor(random.next() * alphabet.length));
  return text;
}

/** Version 4 (RFC 9562 §5.4): 122 bits of chance; unique enough for mocks, not a secret. */
function uuid(random: Random): string {
  const hex = Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, "0")).join("");
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16); // RFC 9562 §4.1
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join("-");
}
