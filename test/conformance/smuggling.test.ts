// Request smuggling at the codec: thousands of mutations of the fields and chunk lines that say where a message ends.
// Each is judged by a second, slow reader written from the grammar with regular expressions; both must agree. What
// passes must look the same to sloppy readers, too: those that cut lines at any CR or LF, strip odd octets, unfold.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readStream } from "./message-stream.ts";

type Framing = "none" | "length" | "chunked";
interface Reading {
  readonly framing: Framing;
  readonly length: number;
}

const everyOctet = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet));

/** One field line with an octet put wherever parsers have been fooled before, and with the octet instead of "-" or ":". */
function mutationsOf(name: string, value: string): readonly string[] {
  const half = name.length >> 1;
  return everyOctet.flatMap((octet) => [
    `${octet}${name}: ${value}`,
    `${name.slice(0, half)}${octet}${name.slice(half)}: ${value}`,
    `${name}${octet}: ${value}`,
    `${name}:${octet}${value}`,
    `${name}: ${value.slice(0, 1)}${octet}${value.slice(1)}`,
    `${name}: ${value}${octet}`,
    `${name.replace("-", octet)}: ${value}`,
    `${name}${octet} ${value}`,
    `X: y${octet}${name}: ${value}`,
    `X: y\r${octet}${name}: ${value}`,
    `X: y${octet}\n${name}: ${value}`,
    `${name}: ${value}\r${octet}X: y`,
    `${name}: ${value}${octet}\nX: y`,
    `${name}:\r\n${octet}${value}`,
  ]);
}

const codings = [
  "chunked",
  "Chunked",
  "CHUNKED",
  "\tchunked",
  "chunked\t",
  "  chunked  ",
  "chunked,",
  ",chunked",
  "chunked,chunked",
  "chunked, chunked",
  "chunked, identity",
  "identity, chunked",
  "identity",
  "gzip, chunked",
  "chunked, gzip",
  "cow",
  "cow, chunked",
  "chunked, cow",
  "cow chunked",
  "chunked cow",
  '"chunked"',
  "'chunked'",
  "chunk",
  "chunkedx",
  "xchunked",
  "chunked;x=y",
  "chunked; x",
  "x=y;chunked",
  "",
  ",",
  ", ,chunked",
  "chunked\x0b",
  "chunked\x0c",
  "\x0bchunked",
  "chunked\xa0",
  "\xa0chunked",
  "ch\x96nked",
  "\xe7hunked",
  "chunked\0",
  "\0chunked",
];
const lengths = [
  "0",
  "3",
  "03",
  "5",
  "+5",
  "-5",
  "5,5",
  "5, 5",
  "5 5",
  "5;5",
  "5.0",
  "5e0",
  "0x5",
  "0b1",
  "0o5",
  "5_0",
  "5\t",
  "5\x0b",
  "5\0",
  "",
  " ",
  ",5",
  "5,",
  '"5"',
  "'5'",
  "\xb2",
  "9007199254740991",
  "9007199254740992",
  "18446744073709551616",
  "18446744073709551621",
  "4294967301",
  "Infinity",
  "NaN",
  "1 ",
  "٥",
].map((value) => Buffer.from(value, "utf8").toString("latin1"));
const names = [
  "Transfer-Encoding",
  "transfer-encoding",
  "TRANSFER-ENCODING",
  "Transfer_Encoding",
  "Transfer Encoding",
  "TransferEncoding",
  "X-Transfer-Encoding",
  "Transfer-Encoding-X",
  "Content-Encoding",
  "TE",
  "Transfer-Encodin",
  "Transfer--Encoding",
];

/** Field lines of every variant; Host stands before them, so that nothing but them decides. */
const variants: readonly (readonly string[])[] = [
  ...mutationsOf("Transfer-Encoding", "chunked").flatMap((line) => [
    [line],
    ["Content-Length: 5", line],
    [line, "Content-Length: 5"],
  ]),
  ...mutationsOf("Content-Length", "5").flatMap((line) => [
    [line],
    ["Content-Length: 3", line],
    ["Transfer-Encoding: chunked", line],
  ]),
  ...names.flatMap((name) =>
    codings.flatMap((coding) => [[`${name}: ${coding}`], ["Content-Length: 5", `${name}:${coding}`]]),
  ),
  ...lengths.flatMap((a) => lengths.map((b) => [`Content-Length: ${a}`, `content-length: ${b}`])),
  ...lengths.map((length) => [`Content-Length:${length}`]),
  ...codings.flatMap((a) => codings.map((b) => [`Transfer-Encoding: ${a}`, `transfer-encoding: ${b}`])),
];

const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*$/;

/** What RFC 9112 §5 and §6 make of the fields; null where they refuse. */
function strictReading(version: string, lines: readonly string[]): Reading | null {
  const fields = lines
    .join("\r\n")
    .split("\r\n")
    .map((line) => fieldLine.exec(line));
  const valuesOf = (name: string) =>
    fields.filter((field) => field?.[1]?.toLowerCase() === name).map((field) => field?.[2] ?? "");
  const [coding, length] = [valuesOf("transfer-encoding"), valuesOf("content-length")];
  if (fields.includes(null) || coding.length + length.length > 1) return null;
  if (coding.length === 1)
    return coding[0]?.toLowerCase() === "chunked" && version === "1.1"
      ? { framing: "chunked", length: 0 }
      : null;
  if (length.length === 0) return { framing: "none", length: 0 };
  if (!/^[0-9]+$/.test(length[0] ?? "") || Number(length[0]) > Number.MAX_SAFE_INTEGER) return null;
  return { framing: Number(length[0]) === 0 ? "none" : "length", length: Number(length[0]) };
}

/** What a careless peer might make of the same fields. */
function sloppyReadings(lines: readonly string[]): readonly Reading[] {
  const text = lines.join("\r\n");
  const cuts = [text.split(/\r\n|\r|\n/), text.split("\n"), text.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/)];
  return cuts.flatMap((cut) => {
    const fields = cut.map((line) => {
      const [name = "", ...rest] = line.split(":");
      return [
        name.replace(/[^!-~]/g, "").toLowerCase(),
        rest
          .join(":")
          .replace(/[^!-~]/g, "")
          .toLowerCase(),
      ] as const;
    });
    const coding = fields
      .filter(([name]) => name === "transfer-encoding")
      .some(([, value]) => value.includes("chunked"));
    const declared = fields
      .filter(([name]) => name === "content-length")
      .map(([, value]) => Number.parseInt(value, 10) || 0);
    const byLength = (length: number | undefined): Reading => ({
      framing: (length ?? 0) > 0 ? "length" : "none",
      length: length ?? 0,
    });
    return coding
      ? [{ framing: "chunked" as const, length: 0 }]
      : [byLength(declared[0]), byLength(declared.at(-1))];
  });
}

// Ends a chunked body at once; as a body by length its first five octets are this very end.
const body = "0\r\n\r\n";
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

for (const version of ["1.1", "1.0"]) {
  test(`smuggling: ${variants.length} mutated heads of HTTP/${version} are read as the grammar reads them, or refused`, () => {
    let passed = 0;
    for (const lines of variants) {
      const head = `POST / HTTP/${version}\r\nHost: a\r\nConnection: keep-alive\r\n${lines.join("\r\n")}\r\n\r\n`;
      const said = JSON.stringify(lines).replace(/[^\x20-\x7e]/g, (c) => `<${c.charCodeAt(0).toString(16)}>`);
      const expected = strictReading(version, lines);
      const outcome = readStream("request", Buffer.from(head + body + smuggled, "latin1"));
      const framing = outcome.framings[0];
      assert.equal(framing, expected?.framing, `${said}: ${outcome.refusal?.reason}`);
      if (expected === null) {
        assert.deepEqual([outcome.end, outcome.messages], ["refused", 0], said);
        continue;
      }
      passed++;
      for (const sloppy of sloppyReadings(lines))
        assert.deepEqual(sloppy, expected, `${said} fools a sloppy reader`);
      if (expected.framing === "chunked" || expected.length === 5) assert.equal(outcome.messages, 2, said);
    }
    assert.ok(passed > 100 && passed < variants.length / 2, `${passed} passed`);
  });
}

test("smuggling: a name with an underscore is another field, and stays one (RFC 9110 §5.1)", () => {
  // CGI folds "_" to "-". The message is legal and says nothing of chunks: what we refuse for it would be refused for all.
  const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n";
  assert.deepEqual(readStream("request", Buffer.from(head + body)).framings, ["length"]);
});

/** Where a chunked body at the beginning of `text` ends, by the grammar of RFC 9112 §7.1; null where it has none. */
function strictBodyEnd(text: string): number | null {
  const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
  const quoted = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
  const line = new RegExp(
    `([0-9A-Fa-f]{1,16})(?:[\\t ]*;[\\t ]*${token}(?:[\\t ]*=[\\t ]*(?:${token}|${quoted}))?)*\\r\\n`,
    "y",
  );
  for (let at = 0; ; ) {
    line.lastIndex = at;
    const found = line.exec(text);
    if (found === null) return null;
    const size = Number.parseInt(found[1] ?? "", 16);
    if (size === 0) return trailerEnd(text, line.lastIndex);
    at = line.lastIndex + size;
    if (text.slice(at, at + 2) !== "\r\n") return null;
    at += 2;
  }
}

function trailerEnd(text: string, from: number): number | null {
  const end = text.indexOf("\r\n", from);
  if (end === -1) return null;
  if (end === from) return end + 2;
  const field = fieldLine.exec(text.slice(from, end));
  return field === null || /^(?:content-length|transfer-encoding|host)$/i.test(field[1] ?? "")
    ? null
    : trailerEnd(text, end + 2);
}

test("smuggling: an octet put anywhere into a chunked body is read as the grammar reads it, or refused", () => {
  const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const bodies = ["3;a=b\r\nabc\r\n0\r\n\r\n", '1;a="b"\r\nx\r\n0\r\nT: u\r\n\r\n', "0\r\n\r\n"];
  for (const chunks of bodies) {
    for (let at = 0; at <= chunks.length; at++) {
      for (const octet of everyOctet) {
        for (const text of [
          chunks.slice(0, at) + octet + chunks.slice(at),
          chunks.slice(0, at) + octet + chunks.slice(at + 1),
        ]) {
          const said = JSON.stringify(text);
          const outcome = readStream("request", Buffer.from(head + text + smuggled, "latin1"));
          const end = strictBodyEnd(text + smuggled);
          const whole = end !== null && end <= text.length + smuggled.length;
          if (whole && end === text.length)
            assert.deepEqual([outcome.end, outcome.messages], ["clean", 2], said);
          else if (whole) assert.ok(outcome.messages >= 1, said);
          else assert.ok(outcome.messages === 0, `${said} was read as a whole body`);
        }
      }
    }
  }
});
