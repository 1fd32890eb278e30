// ChunkedDelimiter: RFC 9112 §7.1 by tables. Each body is walked whole, cut at every byte, and byte by byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeaderList } from "../../../../src/core/headers.ts";
import { ChunkedDelimiter } from "../../../../src/proxy/lanes/http1/chunked.ts";

interface Walk {
  /** Bytes that belong to the body; -1 where it is refused. */
  readonly length: number;
  readonly done: boolean;
  readonly payload: string;
  readonly trailers: HeaderList;
  readonly reason: string | undefined;
}

const limits = { maxTrailerBytes: 8_192, maxHeaders: 16 };

function walk(delimiter: ChunkedDelimiter, bytes: Buffer, ends: readonly number[]): Walk {
  delimiter.reset();
  let payload = "";
  let at = 0;
  for (const end of ends) {
    const piece = Buffer.concat([Buffer.from("0\r\n"), bytes.subarray(at, end), Buffer.from("\r\n")]);
    const stop = 3 + end - at;
    const after = delimiter.feed(piece, 3, stop, (from, to) => {
      assert.ok(from >= 3 && from < to && to <= stop);
      payload += piece.toString("latin1", from, to);
    });
    if (after === -1)
      return { length: -1, done: false, payload: "", trailers: [], reason: delimiter.refusal?.reason };
    assert.ok(delimiter.done || after === stop);
    at += after - 3;
    if (delimiter.done) break;
  }
  return { length: at, done: delimiter.done, payload, trailers: delimiter.trailers(), reason: undefined };
}

/** The outcome for a body, after checking that no way of delivery changes it. */
function outcome(body: string, by = limits): Walk {
  const delimiter = new ChunkedDelimiter(by);
  const bytes = Buffer.from(body, "latin1");
  const whole = walk(delimiter, bytes, [bytes.length]);
  for (let cut = 1; cut < bytes.length; cut++) {
    assert.deepEqual(
      walk(delimiter, bytes, [cut, bytes.length]),
      whole,
      `cut at byte ${cut} of ${JSON.stringify(body)}`,
    );
  }
  const single = Array.from({ length: bytes.length }, (_, index) => index + 1);
  assert.deepEqual(walk(delimiter, bytes, single), whole, "byte by byte");
  return whole;
}

function ends(body: string, payload: string, trailers: HeaderList = []): void {
  const behind = "GET / HTTP/1.1\r\n";
  assert.deepEqual(outcome(body + behind), {
    length: body.length,
    done: true,
    payload,
    trailers,
    reason: undefined,
  });
}

function refused(body: string, reason: RegExp, by = limits): void {
  const { length, reason: said } = outcome(body, by);
  assert.equal(length, -1, `expected a refusal of ${JSON.stringify(body)}`);
  assert.match(said ?? "", reason);
}

test("chunked: sizes in either case, leading zeros, no chunk at all", () => {
  ends("0\r\n\r\n", "");
  ends("000\r\n\r\n", "");
  ends("a\r\n0123456789\r\n0\r\n\r\n", "0123456789");
  ends("A\r\n\r\n345678\r\n\r\n00000001\r\nx\r\n0\r\n\r\n", "\r\n345678\r\nx");
  ends(`${"0".repeat(15)}1\r\nx\r\n0\r\n\r\n`, "x");
});

test("chunked: payload that looks like framing is payload", () => {
  ends("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n");
});

test("chunked: sizes that are none are refused (RFC 9112 §7.1)", () => {
  for (const size of ["", "g", "-1", "+1", "0x1", " 1", "1 ", "1\t", "1.0", "\0", "1_0", "\xb2"]) {
    refused(`${size}\r\nx\r\n0\r\n\r\n`, /RFC 9112 §7\.1/);
  }
  refused("20000000000000\r\n", /less than 2\^53/);
  refused("fffffffffffffffff\r\n", /less than 2\^53/);
  refused(`${"0".repeat(16)}1\r\nx`, /less than 2\^53/);
  const huge = outcome("1fffffffffffff\r\nx");
  assert.deepEqual([huge.done, huge.payload], [false, "x"]);
});

test("chunked: every line ends with CRLF, and so does every chunk (RFC 9112 §2.2, §7.1)", () => {
  refused("1\nx\r\n0\r\n\r\n", /found LF/);
  refused("1\r\rx", /found CR, expected LF after CR/);
  refused("1\r\nxy\r\n0\r\n\r\n", /found "y", expected CRLF after a chunk's data/);
  refused("1\r\nx\n0\r\n\r\n", /found LF, expected CRLF/);
  refused("1\r\nx\r0\r\n\r\n", /found "0", expected LF after CR behind/);
  refused("1\r\nx\r\n\r\n", /found CR, expected a chunk size/);
  refused("0\r\n\n", /found LF/);
  refused("0\r\n\rx", /expected LF after CR/);
});

test("chunk extensions: the grammar of RFC 9112 §7.1.1 is walked, the bytes belong to no payload", () => {
  for (const extension of [
    ";a",
    ";a;b",
    ";a=b",
    ';a="b;c\\"d\\\\\te"',
    ';a=""',
    " ; a",
    "\t;\ta\t=\tb",
    ';a = "x" ; b',
    ";a ;b",
    ";!#$%&'*+-.^_`|~=1",
  ]) {
    ends(`1${extension}\r\nx\r\n0${extension}\r\n\r\n`, "x");
  }
});

test("chunk extensions: whatever the grammar has no place for is refused", () => {
  const wrong = [
    ";",
    ";;a",
    ";=b",
    ";a=",
    ";a=;b",
    ";a=b c",
    ";a b",
    ';a="b',
    ';a="b"c',
    ";a ",
    ";a=b ",
    ';a="b" ',
    " ",
    " a",
    ";a@",
  ];
  for (const extension of wrong) refused(`1${extension}\r\nx\r\n0\r\n\r\n`, /RFC 9112 §7\.1\.1/);
  refused("1;a\nx\r\n0\r\n\r\n", /LF may not stand there/);
  refused('1;a="\n"\r\nx\r\n0\r\n\r\n', /LF may not stand there/);
  refused('1;a="\\\r\n', /CR may not stand there/);
  refused("1;a\rx", /found "x", expected LF after CR/);
});

test("chunk extensions: their total over a body is bounded", () => {
  const small = { maxTrailerBytes: 10, maxHeaders: 1 };
  assert.equal(outcome("1;abc\r\nx\r\n1;abc\r\ny\r\n0\r\n\r\n", small).done, true);
  refused("1;abc\r\nx\r\n1;abc\r\ny\r\n1;abc\r\n", /more than 10 bytes/, small);
});

test("trailers: fields in wire order and case (RFC 9112 §7.1.2)", () => {
  ends("1\r\nx\r\n0\r\nVary: *\r\nx-Sum:\t1 \r\n\r\n", "x", [
    ["Vary", "*"],
    ["x-Sum", "1"],
  ]);
});

test("trailers: as strict as header fields, and none that concern framing (RFC 9110 §6.5.1)", () => {
  refused("0\r\nA : b\r\n\r\n", /trailer line 1.*white space/);
  refused("0\r\nA: b\r\n c\r\n\r\n", /trailer line 2.*folding/);
  refused("0\r\nA: b\nC: d\r\n\r\n", /found LF/);
  for (const name of ["Content-Length", "TRANSFER-ENCODING", "host"]) {
    refused(`0\r\nA: b\r\n${name}: 1\r\n\r\n`, /trailer line 2.*RFC 9110 §6\.5\.1/);
  }
});

test("trailers: bounded in bytes and in number", () => {
  const small = { maxTrailerBytes: 12, maxHeaders: 2 };
  assert.equal(outcome("0\r\nA: bcdef\r\n\r\n", small).length, 15);
  refused("0\r\nA: bcdefgh\r\n\r\n", /after 12 bytes/, small);
  refused("0\r\nA:\r\nB:\r\nC:\r\n\r\n", /more than 2 trailer fields|after 12 bytes/, small);
  refused("0\r\nA:\r\nB:\r\nC:\r\n\r\n", /more than 2 trailer fields/, {
    maxTrailerBytes: 100,
    maxHeaders: 2,
  });
});

test("chunked: a refused body stays refused until reset", () => {
  const delimiter = new ChunkedDelimiter(limits);
  assert.equal(delimiter.feed(Buffer.from("x"), 0, 1), -1);
  assert.equal(delimiter.feed(Buffer.from("0\r\n\r\n"), 0, 5), -1);
  delimiter.reset();
  assert.equal(delimiter.feed(Buffer.from("0\r\n\r\n"), 0, 5), 5);
  assert.equal(delimiter.feed(Buffer.from("0\r\n\r\n"), 0, 5), 0, "after the end nothing more is taken");
  assert.equal(delimiter.done, true);
});
