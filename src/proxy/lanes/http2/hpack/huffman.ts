// The Huffman code of HPACK (RFC 7541 §5.2, appendix B). The code is canonical, so the lengths of its 257 symbols say it
// all. Decoding walks a table of four bits a step; no code is shorter than five bits, so a step yields one octet at most.

/** Bits of each symbol's code; the last is EOS. */
const lengths =
  "13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28 " +
  "6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10 " +
  "13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6 " +
  "15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28 " +
  "20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24 " +
  "22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23 " +
  "26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27 " +
  "20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26 30";

const eos = 256;
/** Flags of a step: a symbol is complete; no code continues so. The low byte is the next node, the next one the symbol. */
const emits = 0x1_0000;
const fails = 0x2_0000;

interface Tables {
  readonly codes: Uint32Array;
  readonly bits: Uint8Array;
  /** By node and four bits. */
  readonly steps: Uint32Array;
  /** 1: a string may end at this node, because only the beginning of EOS, under eight bits, is left (RFC 7541 §5.2). */
  readonly ends: Uint8Array;
}

const { codes, bits, steps, ends } = buildTables();

function buildTables(): Tables {
  const bitsOf = Uint8Array.from(lengths.split(" "), Number);
  const symbols = [...bitsOf.keys()].sort((a, b) => (bitsOf[a] ?? 0) - (bitsOf[b] ?? 0) || a - b);
  const codesOf = new Uint32Array(257);
  let code = 0;
  let before = 0;
  for (const symbol of symbols) {
    const length = bitsOf[symbol] ?? 0;
    code <<= length - before;
    codesOf[symbol] = code++;
    before = length;
  }
  const tree = buildTree(codesOf, bitsOf);
  return { codes: codesOf, bits: bitsOf, steps: buildSteps(tree), ends: buildEnds(tree) };
}

/** Two numbers a node: a child node, or a symbol as its negative less one. */
function buildTree(codesOf: Uint32Array, bitsOf: Uint8Array): Int32Array {
  const tree = new Int32Array(512);
  let nodes = 1;
  for (let symbol = 0; symbol <= eos; symbol++) {
    let node = 0;
    for (let bit = (bitsOf[symbol] ?? 0) - 1; bit >= 0; bit--) {
      const at = node * 2 + (((codesOf[symbol] ?? 0) >>> bit) & 1);
      if (bit === 0) tree[at] = -symbol - 1;
      else {
        if (tree[at] === 0) tree[at] = nodes++;
        node = tree[at] ?? 0;
      }
    }
  }
  return tree;
}

function buildSteps(tree: Int32Array): Uint32Array {
  const table = new Uint32Array(256 * 16);
  for (let node = 0; node < 256; node++) {
    for (let nibble = 0; nibble < 16; nibble++) table[node * 16 + nibble] = stepFrom(tree, node, nibble);
  }
  return table;
}

function stepFrom(tree: Int32Array, from: number, nibble: number): number {
  let node = from;
  let result = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = tree[node * 2 + ((nibble >>> bit) & 1)] ?? 0;
    if (child >= 0) node = child;
    else {
      if (child === -eos - 1) return fails; // RFC 7541 §5.2: EOS inside a string is an error
      result = emits | ((-child - 1) << 8);
      node = 0;
    }
  }
  return result | node;
}

function buildEnds(tree: Int32Array): Uint8Array {
  const table = new Uint8Array(256);
  let node = 0;
  for (let depth = 0; depth < 8; depth++) {
    table[node] = 1;
    node = tree[node * 2 + 1] ?? 0;
  }
  return table;
}

/** Octets that `length` coded ones can become at most. */
export function maxDecodedBytes(length: number): number {
  return (length * 8) / 5 + 1;
}

/** Decodes bytes[from..to) into `out`, which has room; returns the octets written, -1 where it is no valid code. */
export function huffmanDecode(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  let node = 0;
  let written = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number; // i is below to
    for (let shift = 4; shift >= 0; shift -= 4) {
      const step = steps[node * 16 + ((byte >>> shift) & 15)] as number; // both are within the table
      if (step >= emits) {
        if (step >= fails) return -1;
        out[written++] = (step >>> 8) & 0xff;
      }
      node = step & 0xff;
    }
  }
  return ends[node] === 1 ? written : -1;
}

/** Octets of `text`, one character each, once coded. */
export function huffmanLength(text: string): number {
  let total = 0;
  for (let i = 0; i < text.length; i++) total += bits[text.charCodeAt(i) & 0xff] ?? 0;
  return (total + 7) >>> 3;
}

/** Codes `text` into `out` at `at`; returns where it ends. */
export function huffmanEncode(text: string, out: Uint8Array, at: number): number {
  let held = 0;
  let count = 0;
  let p = at;
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i) & 0xff;
    let length = bits[octet] ?? 0;
    const code = codes[octet] ?? 0;
    while (length > 0) {
      const take = Math.min(length, 8 - count);
      length -= take;
      held = (held << take) | ((code >>> length) & ((1 << take) - 1));
      count += take;
      if (count < 8) continue;
      out[p++] = held;
      held = 0;
      count = 0;
    }
  }
  if (count > 0) out[p++] = (held << (8 - count)) | ((1 << (8 - count)) - 1); // padded with the beginning of EOS
  return p;
}
