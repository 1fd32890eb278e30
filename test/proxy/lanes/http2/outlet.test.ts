// What goes into an outlet comes out once, in its order, however the pieces lie to the slabs and to each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../../src/core/random.ts";
import { headerFrames } from "../../../../src/proxy/lanes/http2/frames.ts";
import { Outlet } from "../../../../src/proxy/lanes/http2/outlet.ts";

test("outlet: pieces of every size, blocks and frames from aside come out as they went in", () => {
  const random = seededRandom(7);
  const sizes = [0, 1, 17, 900, 8_191, 8_192, 8_193, 40_000];
  const written: Buffer[] = [];
  const expected: Buffer[] = [];
  const outlet = new Outlet((bytes) => written.push(Buffer.from(bytes)) > 0);
  for (let i = 0; i < 400; i++) {
    const bytes = Buffer.alloc(sizes[Math.floor(random.next() * sizes.length)] ?? 0, i);
    const kind = Math.floor(random.next() * 5);
    if (kind === 0) {
      const around = Buffer.concat([Buffer.from("before"), bytes, Buffer.from("after")]);
      outlet.add(around, 6, 6 + bytes.length);
      expected.push(bytes);
    } else if (kind === 1) {
      const before = Buffer.from("12345");
      outlet.addBlock(i * 2 + 1, 1, bytes, before);
      expected.push(headerFrames(i * 2 + 1, 1, bytes, before));
    } else if (kind === 2) {
      outlet.addAside(bytes, true);
      expected.push(bytes);
    } else if (kind === 3) {
      const around = random.next() < 0.5 ? bytes : Buffer.concat([bytes, Buffer.from("after")]);
      outlet.pass(around, 0, bytes.length);
      expected.push(bytes);
    } else outlet.flush();
  }
  outlet.flush();
  assert.ok(Buffer.concat(expected).equals(Buffer.concat(written)));
});

test("outlet: bytes that are in use are not written over, and the place of those that are not serves again", () => {
  const written: Buffer[] = [];
  let isFree = false;
  const outlet = new Outlet((bytes) => {
    written.push(bytes);
    return isFree;
  });
  const say = (text: string) => {
    outlet.add(Buffer.from(text));
    outlet.flush();
  };
  say("one");
  say("two");
  isFree = true;
  say("six");
  assert.deepEqual(written.map(String), ["one", "two", "six"]);
  say("ten");
  say("ten, twice");
  say("new");
  assert.deepEqual(written.slice(3).map(String), ["new", "new, twice", "new"]);
});

test("outlet: a read that passes whole is written as it came, unless something stands before it", () => {
  const written: Buffer[] = [];
  const outlet = new Outlet((bytes) => written.push(bytes) > 0);
  const read = Buffer.from("read");
  outlet.pass(read, 0, read.length);
  assert.deepEqual(written, [read]);
  assert.equal(written[0], read);
  outlet.pass(read, 0, 2);
  outlet.pass(read, 0, read.length);
  assert.equal(written.length, 1);
  outlet.flush();
  assert.equal(String(written[1]), "reread");
});

test("outlet: what comes from aside waits for a border, and keeps its order", () => {
  const written: Buffer[] = [];
  const outlet = new Outlet((bytes) => written.push(Buffer.from(bytes)) > 0);
  outlet.addAside(Buffer.from("b"), false);
  outlet.addAside(Buffer.from("c"), true);
  assert.equal(outlet.waits, true);
  outlet.add(Buffer.from("a"));
  outlet.border();
  outlet.flush();
  assert.equal(Buffer.concat(written).toString(), "abc");
});
