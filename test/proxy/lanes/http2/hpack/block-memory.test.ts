// What a decoder remembers of earlier blocks: it must never say something else than reading them again would.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HpackDecoder } from "../../../../../src/proxy/lanes/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../../../src/proxy/lanes/http2/hpack/encoder.ts";
import type { HeaderBlock } from "../../../../../src/proxy/lanes/http2/hpack/header-block.ts";

const limits = { maxListBytes: 10_000, maxFields: 100 };
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

/** The block, read at an offset of its own each time. */
function read(decoder: HpackDecoder, bytes: Buffer, before = 0): HeaderBlock {
  const around = Buffer.concat([Buffer.alloc(before, 0xff), bytes, Buffer.from([0xff])]);
  const block = decoder.decode(around, before, before + bytes.length);
  if ("flaw" in block) throw new Error(block.flaw);
  return block;
}

const said = ({ fields }: HeaderBlock) => fields.map(({ name, value }) => `${name}=${value}`).join();

const insertX = hex("40 01 78 01 31"); // x: 1, kept
const insertY = hex("40 01 79 01 32"); // y: 2, kept
const newest = hex("be"); // the newest entry
const both = hex("82 be 00 01 7a 01 33"); // GET, the newest entry, z: 3

test("block memory: the same bytes are read once, as long as no table changes", () => {
  const decoder = new HpackDecoder(limits);
  read(decoder, insertX);
  const first = read(decoder, both, 3);
  assert.equal(said(first), ":method=GET,x=1,z=3");
  const again = read(decoder, both, 90);
  assert.equal(again.fields, first.fields);
  assert.equal(again.listBytes, first.listBytes);
  read(decoder, insertY);
  assert.equal(said(read(decoder, both)), ":method=GET,y=2,z=3", "an index means another entry now");
});

test("block memory: blocks that put fields into the table do so each time", () => {
  const decoder = new HpackDecoder(limits);
  // As servers write their date and name with every response: literals that the table shall keep.
  const blocks = [
    hex("88 40 01 78 01 31 40 01 79 01 32"), // x: 1, y: 2
    hex("40 01 7a 02 33 33"), // z: 33
    Buffer.concat([hex("40 01 77 7f dd 0d"), Buffer.alloc(1_884, "v")]), // w: larger than half of the table
  ];
  const puts = [["x=1", "y=2"], ["z=33"], [`w=${"v".repeat(1_884)}`]];
  let table: string[] = [];
  const weight = () => table.reduce((sum, text) => sum + text.length - 1 + 32, 0);
  let seed = 7;
  for (let round = 0; round < 600; round++) {
    seed = (seed * 48_271) % 0x7fff_ffff;
    const which = seed % 7 < 4 ? 0 : seed % 7 < 6 ? 1 : 2;
    const block = blocks[which] ?? newest;
    assert.ok(said(read(decoder, block, round % 9)).endsWith((puts[which] ?? []).join()));
    for (const text of puts[which] ?? []) {
      table.unshift(text);
      while (weight() > 4_096) table = table.slice(0, -1);
    }
    for (const index of [0, 1, 5, table.length - 1])
      if (index < table.length) assert.equal(said(read(decoder, indexed(62 + index))), table[index]);
    const beyond = indexed(62 + table.length);
    assert.ok("flaw" in decoder.decode(beyond, 0, beyond.length));
  }
});

/** A field by its index alone (RFC 7541 §6.1). */
function indexed(index: number): Buffer {
  if (index < 127) return Buffer.from([0x80 | index]);
  return Buffer.from(
    index < 255 ? [0xff, index - 127] : [0xff, 0x80 | ((index - 127) & 0x7f), (index - 127) >> 7],
  );
}

test("block memory: a table that is emptied, or must be said smaller, is not forgotten", () => {
  const decoder = new HpackDecoder(limits);
  read(decoder, insertX);
  assert.equal(said(read(decoder, newest)), "x=1");
  decoder.allowTable(0);
  assert.ok("flaw" in decoder.decode(newest, 0, 1), "the smaller table has not been said");
  read(decoder, hex("20 82"));
  assert.ok("flaw" in decoder.decode(newest, 0, 1), "nothing is left in it");
});

test("block memory: a few blocks in turn, and more than it holds", () => {
  const decoder = new HpackDecoder(limits);
  const block = (value: number) => Buffer.from([0x00, 1, 0x61, 1, 0x30 + value]);
  for (let round = 0; round < 3; round++)
    for (let value = 0; value < 9; value++)
      assert.equal(said(read(decoder, block(value), round * 7)), `a=${value}`);
  const long = Buffer.concat([hex("00 01 61 7f b9 03"), Buffer.alloc(568, "v")]);
  assert.equal(said(read(decoder, long)), said(read(decoder, long)));
});

test("block memory: what is written again for another peer is the same, until a table changes", () => {
  const [decoder, encoder, peer] = [new HpackDecoder(limits), new HpackEncoder(), new HpackDecoder(limits)];
  const pass = (bytes: Buffer, before: number) =>
    said(read(peer, Buffer.from(encoder.encode(read(decoder, bytes, before)))));
  const emptied = hex("20 3f e1 1f 40 01 78 01 31"); // and x: 1 put in again
  const calls = [insertX, both, both, newest, both, insertY, both, newest, both, emptied, both, both];
  const replies = calls.map((bytes, i) => pass(bytes, i * 5));
  const plain = new HpackDecoder(limits);
  assert.deepEqual(
    replies,
    calls.map((bytes) => said(read(plain, bytes))),
  );
});

test("block memory: a peer that keeps no table, and writes as if it did, is read once", () => {
  const [decoder, encoder, peer] = [new HpackDecoder(limits), new HpackEncoder(), new HpackDecoder(limits)];
  read(decoder, hex("20 82")); // no table from now on
  const first = read(decoder, insertX, 3);
  assert.equal(read(decoder, insertX, 40).fields, first.fields);
  assert.ok("flaw" in decoder.decode(newest, 0, 1), "nothing was kept");
  // Another peer that has a table keeps it there.
  const pass = (bytes: Buffer) => said(read(peer, Buffer.from(encoder.encode(read(decoder, bytes)))));
  for (let round = 0; round < 3; round++) assert.equal(pass(insertX), "x=1");
  read(decoder, hex("3f e1 1f 82")); // a table again
  assert.notEqual(read(decoder, insertX).fields, first.fields);
  assert.equal(said(read(decoder, newest)), "x=1");
});
