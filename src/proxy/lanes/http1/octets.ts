// Octet classes of RFC 9110 and RFC 3986 as tables: one load answers "may this octet stand here?".
// Used by every scanner of this folder and by the encoder, so that what we write is what we would accept.

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;

const digits = "0123456789";
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function tableOf(members: (octet: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => (members(octet) ? 1 : 0));
}

function tableOfText(text: string): Uint8Array {
  return tableOf((octet) => octet < 0x80 && text.includes(String.fromCharCode(octet)));
}

/** 1 where the octet is a `tchar`: methods, field names, chunk extensions (RFC 9110 §5.6.2). */
export const tokenOctets = tableOfText(`!#$%&'*+-.^_\`|~${digits}${letters}`);

/** 1 where the octet may stand in a field value or reason phrase: HTAB, SP, VCHAR, obs-text (RFC 9110 §5.5). */
export const valueOctets = tableOf((octet) => octet === TAB || (octet >= SP && octet !== 0x7f));

/**
 * 1 where the octet may stand in a request target: visible ASCII. RFC 3986 forbids `"<>\^{|}` and a fragment;
 * clients send them all the same, they blur no boundary, and llhttp lets them pass: so do we, unchanged.
 */
export const targetOctets = tableOf((octet) => octet > SP && octet < 0x7f);

/** 1 where the octet may stand in a reg-name besides `%`: unreserved, sub-delims (RFC 3986 §3.2.2). */
export const nameOctets = tableOfText(`-._~!$&'()*+,;=${digits}${letters}`);

/** 1 where the octet may stand between `[` and `]`: an IPv6 or future address (RFC 3986 §3.2.2). */
export const literalOctets = tableOfText(`-._~!$&'()*+,;=:${digits}${letters}`);

/** 1 where the octet may stand in a quoted string, `"` and `\` aside (RFC 9110 §5.6.4). */
export const quotedOctets = tableOf((octet) => valueOctets[octet] === 1 && octet !== 0x22 && octet !== 0x5c);

/**
 * Passes over visible ASCII and SP, or with `aboveSpace` over visible ASCII alone, four octets at a time. Returns where
 * to go on one by one: a table load each costs twice as much over long values and targets.
 *
 * In a word w of four octets, w - 0x20202020 has a top bit set where an octet is below SP, and w + 0x01010101 where one
 * is DEL or above; borrows and carries begin only at an octet that is already caught.
 */
export function afterPlainRun(bytes: Uint8Array, from: number, end: number, aboveSpace: 0 | 1): number {
  const least = aboveSpace === 1 ? 0x21212121 : 0x20202020;
  const last = end - 4;
  let p = from;
  while (p <= last) {
    const word =
      octetAt(bytes, p) |
      (octetAt(bytes, p + 1) << 8) |
      (octetAt(bytes, p + 2) << 16) |
      (octetAt(bytes, p + 3) << 24);
    if ((((word - least) | (word + 0x01010101)) & 0x80808080) !== 0) break;
    p += 4;
  }
  return p;
}

/** An octet whose index is known to be within bounds. */
function octetAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number; // the caller compared `at` with the end
}

/** The value of a hexadecimal digit, -1 for any other octet. */
export const hexValues = Int8Array.from({ length: 256 }, (_, octet) =>
  octet < 0x80 ? "0123456789abcdef".indexOf(String.fromCharCode(octet).toLowerCase()) : -1,
);

const lowerOctets = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
);

/** A lower-case word of letters, digits and "-" as octets, for `spellsWord`. */
export function wordOf(lower: string): Uint8Array {
  return Uint8Array.from(lower, (char) => char.charCodeAt(0));
}

/** Whether bytes[from..to), already checked as a token or a field value, spells `word`, ASCII case aside. */
export function spellsWord(bytes: Uint8Array, from: number, to: number, word: Uint8Array): boolean {
  const length = word.length;
  if (to - from !== length) return false;
  for (let i = 0; i < length; i++) {
    // Without control octets, setting bit 5 makes a letter, digit or "-" only of itself (or its upper case).
    if (((bytes[from + i] ?? 0) | 0x20) !== word[i]) return false;
  }
  return true;
}

/** As `spellsWord` for any text, not letters, digits and "-" alone. `lower` holds no upper-case ASCII letter. */
export function spells(bytes: Uint8Array, from: number, to: number, lower: string): boolean {
  if (to - from !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    if (lowerOctets[bytes[from + i] ?? 0] !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether `word` stands at `from`, case included. */
export function isExactly(bytes: Uint8Array, from: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word.charCodeAt(i)) return false;
  return true;
}

/** An octet for people: `"x"`, `CR`, `0x01`. */
export function showOctet(octet: number): string {
  if (octet === CR) return "CR";
  if (octet === LF) return "LF";
  if (octet === TAB) return "a tab";
  if (octet === SP) return "a space";
  if (octet === 0) return "NUL";
  if (octet > SP && octet < 0x7f) return `"${String.fromCharCode(octet)}"`;
  return `0x${octet.toString(16).padStart(2, "0")}`;
}
