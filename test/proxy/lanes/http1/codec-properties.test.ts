// Properties of the codec over generated messages: what is legal comes back as it was meant, what is mutated is judged
// without crash, the same however it is delivered, and never by octets that are not the message's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HeaderList } from "../../../../src/core/headers.ts";
import { ChunkedDelimiter } from "../../../../src/proxy/lanes/http1/chunked.ts";
import { encodeRequestHead, encodeResponseHead } from "../../../../src/proxy/lanes/http1/encode.ts";
import { RequestScanner } from "../../../../src/proxy/lanes/http1/request-scanner.ts";
import { ResponseScanner } from "../../../../src/proxy/lanes/http1/response-scanner.ts";

const run = { seed: 9112, numRuns: 300 };
const limits = { maxHeadBytes: 4_096, maxHeaders: 64 };
const trailerLimits = { maxTrailerBytes: 4_096, maxHeaders: 64 };

const tokenChars = [..."!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"];
const token = fc.string({ unit: fc.constantFrom(...tokenChars), minLength: 1, maxLength: 12 });
const valueChars = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet)).filter((char) =>
  /[\t\x20-\x7e\x80-\xff]/.test(char),
);
const value = fc
  .string({ unit: fc.constantFrom(...valueChars), maxLength: 40 })
  .map((text) => text.replace(/^[\t ]+|[\t ]+$/g, ""));
const judged = new Set(["host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"]);
const field = fc.tuple(
  token.filter((name) => !judged.has(name.toLowerCase())),
  value,
);
const fields = fc.array(field, { maxLength: 12 });
const targetChars = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i));
const path = fc.string({ unit: fc.constantFrom(...targetChars), maxLength: 30 }).map((text) => `/${text}`);
const octets = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));

/** The head at bytes[at..), delivered in steps of the given sizes, each time in a Buffer of its own. */
function deliver(scanner: RequestScanner | ResponseScanner, bytes: Buffer, steps: readonly number[]): number {
  scanner.reset();
  let end = 0;
  for (let i = 0; end < bytes.length; i++) {
    end = Math.min(bytes.length, end + (steps[i % steps.length] ?? 1));
    const length = scanner.scan(
      Buffer.concat([Buffer.alloc(i % 3), bytes.subarray(0, end)]),
      i % 3,
      (i % 3) + end,
    );
    if (length !== 0) return length;
  }
  return 0;
}

const steps = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });

test("property: a legal request comes back as it was meant, and its head ends exactly where it ends", () => {
  const scanner = new RequestScanner(limits);
  fc.assert(
    fc.property(
      token.filter((method) => method !== "CONNECT" && method !== "PRI"),
      path,
      fields,
      octets,
      steps,
      (method, target, list, behind, sizes) => {
        const headers: HeaderList = [["Host", "a.b:1"], ...list];
        const head = encodeRequestHead(method, target, headers);
        const bytes = Buffer.concat([head, behind]);
        for (const delivery of [[bytes.length], sizes, [1]]) {
          const length = deliver(scanner, bytes, delivery);
          assert.equal(scanner.refusal, null);
          assert.equal(length, head.length);
        }
        scanner.reset();
        scanner.scan(bytes, 0, bytes.length);
        assert.deepEqual([scanner.method, scanner.path, scanner.authority], [method, target, "a.b:1"]);
        assert.deepEqual(scanner.headers, headers);
        for (const [name] of list) {
          const all = headers
            .filter(([other]) => other.toLowerCase() === name.toLowerCase())
            .map(([, said]) => said);
          assert.equal(scanner.header(name.toLowerCase()), all.join(", "));
        }
      },
    ),
    run,
  );
});

test("property: a legal response comes back as it was meant", () => {
  const scanner = new ResponseScanner(limits);
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 999 }),
      value.filter((reason) => reason !== ""),
      fields,
      octets,
      steps,
      (status, reason, headers, behind, sizes) => {
        const head = encodeResponseHead(status, reason, headers);
        const bytes = Buffer.concat([head, behind]);
        for (const delivery of [sizes, [1], [bytes.length]])
          assert.equal(deliver(scanner, bytes, delivery), head.length);
        scanner.reset();
        scanner.scan(bytes, 0, bytes.length);
        assert.deepEqual([scanner.status, scanner.reason, scanner.headers], [status, reason, headers]);
      },
    ),
    run,
  );
});

/** A chunk as a peer may write it: size in either case, zeros in front, an extension. */
const chunk = fc
  .tuple(
    fc.uint8Array({ minLength: 1, maxLength: 50 }),
    fc.boolean(),
    fc.integer({ min: 0, max: 4 }),
    fc.constantFrom("", ";a", ";a=b", ' ; a="b;\\"" '.trimEnd()),
  )
  .map(([payload, upper, zeros, extension]) => {
    const size = payload.length.toString(16);
    const line = `${"0".repeat(zeros)}${upper ? size.toUpperCase() : size}${extension}\r\n`;
    return {
      payload: Buffer.from(payload),
      wire: Buffer.concat([Buffer.from(line), payload, Buffer.from("\r\n")]),
    };
  });

test("property: a chunked body ends exactly where it ends, with the next message behind it", () => {
  const delimiter = new ChunkedDelimiter(trailerLimits);
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 6 }),
      fields,
      octets,
      steps,
      (chunks, trailers, behind, sizes) => {
        const trailerLines = trailers.map(([name, said]) => `${name}:${said}\r\n`).join("");
        const body = Buffer.concat([
          ...chunks.map(({ wire }) => wire),
          Buffer.from(`0\r\n${trailerLines}\r\n`, "latin1"),
        ]);
        const bytes = Buffer.concat([body, behind]);
        for (const delivery of [sizes, [1], [bytes.length]]) {
          const payload: Buffer[] = [];
          assert.equal(feedAll(delimiter, bytes, delivery, payload), body.length);
          assert.deepEqual(Buffer.concat(payload), Buffer.concat(chunks.map((piece) => piece.payload)));
          assert.deepEqual(delimiter.trailers(), trailers);
        }
      },
    ),
    run,
  );
});

/** Feeds pieces, each in a Buffer of its own. Returns the bytes that the body took; -1 where refused, -2 where it goes on. */
function feedAll(
  delimiter: ChunkedDelimiter,
  bytes: Buffer,
  sizes: readonly number[],
  payload: Buffer[],
): number {
  delimiter.reset();
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = Buffer.from(bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1)));
    const after = delimiter.feed(piece, 0, piece.length, (from, to) =>
      payload.push(piece.subarray(from, to)),
    );
    if (after === -1) return -1;
    at += after;
    if (delimiter.done) return at;
  }
  return -2;
}

/** Puts odd octets over, into, or instead of parts of a message. */
const mutation = fc.record({
  at: fc.nat(200),
  drop: fc.integer({ min: 0, max: 4 }),
  put: fc.oneof(
    fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    fc.constantFrom(
      "\r",
      "\n",
      "\r\n",
      " ",
      "\t",
      "\0",
      ":",
      "Content-Length: 1\r\n",
      "Transfer-Encoding: chunked\r\n",
      "\r\n\r\n",
    ),
  ),
});

function mutated(text: string, mutations: readonly { at: number; drop: number; put: string }[]): Buffer {
  let result = text;
  for (const { at, drop, put } of mutations) {
    const here = at % (result.length + 1);
    result = result.slice(0, here) + put + result.slice(here + drop);
  }
  return Buffer.from(result, "latin1");
}

const legalRequest =
  "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: keep-alive\r\nX:  y \r\n\r\nabc";
const legalResponse = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nX:  y \r\n\r\n";
const legalBody = '3;a="b"\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: u\r\n\r\nGET';
const mutations = fc.array(mutation, { minLength: 1, maxLength: 4 });

test("property: a mutated head gets one verdict however it is delivered, from its own octets alone", () => {
  for (const [scanner, text] of [
    [new RequestScanner(limits), legalRequest],
    [new ResponseScanner(limits), legalResponse],
  ] as const) {
    fc.assert(
      fc.property(mutations, steps, octets, (changes, sizes, behind) => {
        const bytes = mutated(text, changes);
        const whole = deliver(scanner, bytes, [bytes.length + 1]);
        const refusal = scanner.refusal;
        assert.ok(whole >= -1 && whole <= bytes.length);
        assert.equal(whole === -1, refusal !== null);
        for (const delivery of [sizes, [1]]) {
          assert.equal(deliver(scanner, bytes, delivery), whole);
          assert.deepEqual(scanner.refusal, refusal);
        }
        // The same bytes with others behind `end`: those must not be looked at.
        scanner.reset();
        assert.equal(scanner.scan(Buffer.concat([bytes, behind]), 0, bytes.length), whole);
      }),
      { ...run, numRuns: 1_500 },
    );
  }
});

test("property: a mutated chunked body gets one verdict however it is delivered", () => {
  const delimiter = new ChunkedDelimiter(trailerLimits);
  fc.assert(
    fc.property(mutations, steps, (changes, sizes) => {
      const bytes = mutated(legalBody, changes);
      const whole = feedAll(delimiter, bytes, [bytes.length + 1], []);
      const refusal = delimiter.refusal;
      for (const delivery of [sizes, [1]]) {
        assert.equal(feedAll(delimiter, bytes, delivery, []), whole);
        assert.deepEqual(delimiter.refusal, refusal);
      }
    }),
    { ...run, numRuns: 1_500 },
  );
});
