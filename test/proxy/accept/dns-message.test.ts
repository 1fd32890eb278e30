// DNS messages as a carrier reads and writes them: real ones, and what no resolver would send.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "../../../src/core/random.ts";
import {
  addressAnswer,
  addressQuery,
  noData,
  noSuchName,
  readDnsHead,
  serverFailure,
} from "../../../src/proxy/accept/dns-message.ts";
import { dnsQuery } from "../../support/tiny-dns.ts";

/** A query whose question is these octets, then type A and class IN. */
function asking(name: Uint8Array, behind: readonly number[] = [0, 1, 0, 1]): Buffer {
  return Buffer.concat([dnsQuery(1, "x").subarray(0, 12), name, Buffer.from(behind)]);
}

function name(...labels: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label as string, "latin1")]),
    Buffer.from([0]),
  ]);
}

const long = "a".repeat(63);

describe("DNS messages: the question", () => {
  test("is read: name, type, and how it was answered", () => {
    const query = dnsQuery(4711, "Pay_ments-2.Internal", 28);
    const head = readDnsHead(query);
    assert.equal(head?.id, 4711);
    assert.equal(head.name, "pay_ments-2.internal");
    assert.equal(head.type, 28);
    assert.equal(head.isResponse, false);
    assert.equal(head.questionEnd, query.length);
    query[2] = 0x81;
    query[3] = 0x83;
    assert.deepEqual([readDnsHead(query)?.isResponse, readDnsHead(query)?.code], [true, 3]);
  });

  test("what follows it (EDNS) is not part of it", () => {
    const query = dnsQuery(1, "a.b");
    const withOpt = Buffer.concat([query, Buffer.from("0000291000000000000000", "hex")]);
    withOpt.writeUInt16BE(1, 10);
    assert.equal(readDnsHead(withOpt)?.questionEnd, query.length);
  });

  for (const [what, bytes] of [
    ["a pointer to itself", asking(Buffer.from([0xc0, 12]))],
    ["a label, then a pointer back to it", asking(Buffer.from([1, 97, 0xc0, 12]))],
    ["a pointer beyond the end", asking(Buffer.from([0xff, 0xff]))],
    ["a label type that nobody uses", asking(Buffer.from([0x41, 97, 0]))],
    ["a label of 64 octets", asking(name("a".repeat(64)))],
    ["a name of 256 octets", asking(name(long, long, long, "a".repeat(62)))],
    ["a name without an end", asking(Buffer.from([3, 97]), [])],
    ["no type", asking(name("a"), [])],
    ["half a class", asking(name("a"), [0, 1, 0])],
  ] as const)
    test(`${what} is no question`, () => assert.equal(readDnsHead(bytes), null));

  test("two questions, or none, are not understood", () => {
    for (const count of [0, 2, 0xffff]) {
      const query = dnsQuery(1, "a.b");
      query.writeUInt16BE(count, 4);
      assert.equal(readDnsHead(query), null);
    }
  });

  test("a name of 255 octets is the longest", () => {
    const longest = readDnsHead(asking(name(long, long, long, "a".repeat(61))));
    assert.equal(longest?.name?.length, 253);
  });

  for (const [what, bytes] of [
    ["the root", name()],
    ["a dot within a label", name("payments.internal")],
    ["a zero octet", name("pay\0ments", "internal")],
    ["a line break", name("pay\nments", "internal")],
    ["octets beyond ASCII", name(Buffer.from([0xe9, 0xff]), "internal")],
    ["a blank", name("a b")],
    ["a wildcard", name("*", "internal")],
  ] as const)
    test(`${what} is no host's name, though a question`, () => {
      const head = readDnsHead(asking(bytes));
      assert.equal(head?.name, null);
      assert.notEqual(head.question, "");
    });

  test("another class than the Internet's has no type", () => {
    assert.equal(readDnsHead(asking(name("a"), [0, 1, 0, 3]))?.type, 0);
  });

  test("noise is refused or read, and never throws", () => {
    const random = seededRandom(7);
    for (let i = 0; i < 20_000; i++) {
      const bytes = Buffer.from(Array.from({ length: random.uint32() % 48 }, () => random.uint32() & 0xff));
      if (bytes.length > 5) bytes.writeUInt16BE(1, 4);
      const head = readDnsHead(bytes);
      if (head) assert.ok(head.questionEnd <= bytes.length);
    }
  });
});

describe("DNS messages: answers", () => {
  const query = Buffer.concat([dnsQuery(9, "Shop.Internal"), Buffer.from("0000291000000000000000", "hex")]);
  query.writeUInt16BE(1, 10);
  const head = readDnsHead(query);
  assert.ok(head);

  test("an address, for so long, under the name as it was written", () => {
    const answer = addressAnswer(query, head, Uint8Array.of(198, 19, 0, 1), 5);
    assert.equal(
      answer.toString("hex"),
      `${"0009" + "8180" + "0001" + "0001" + "0000" + "0000"}${query
        .subarray(12, head.questionEnd)
        .toString("hex")}${"c00c" + "0001" + "0001" + "00000005" + "0004" + "c6130001"}`,
    );
  });

  for (const [what, make, code] of [
    ["no data", noData, 0],
    ["no such name", noSuchName, 3],
    ["a failure", serverFailure, 2],
  ] as const)
    test(`${what}: the question and nothing else`, () => {
      const answer = make(query, head);
      assert.equal(answer.length, head.questionEnd);
      assert.equal(
        answer.toString("hex", 0, 12),
        `0009818${code}00010000000000000000`.slice(0, 24).padEnd(24, "0"),
      );
      assert.equal(readDnsHead(answer)?.question, head.question);
    });

  test("a query of our own is one", () => {
    assert.deepEqual(addressQuery("a.bc"), dnsQuery(0, "a.bc"));
  });
});
