// A side that does not read stops the other side, and nothing else: what is held is one chunk a direction.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openWire } from "../../../support/wire.ts";

const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";

test("backpressure: a downstream that does not read stops the upstream until it does", () => {
  const wire = openWire();
  wire.fromDownstream("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  wire.setDownstreamFull(true);
  wire.fromUpstream("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  assert.equal(wire.upstreamPaused, true);
  wire.setDownstreamFull(false);
  assert.equal(wire.upstreamPaused, false);
  wire.fromUpstream("defghi");
  assert.match(wire.toDownstream, /abcdefghi$/);
});

test("backpressure: an upstream that does not read stops the downstream until it does", () => {
  const wire = openWire();
  wire.setUpstreamFull(true);
  wire.fromDownstream(`${post}abc`);
  assert.equal(wire.downstreamPaused, true);
  wire.setUpstreamFull(false);
  assert.equal(wire.downstreamPaused, false);
  wire.fromDownstream("defghi");
  assert.equal(wire.toUpstream, `${post}abcdefghi`);
});

test("backpressure: endless pipelining stops at a bound, and goes on as responses come", () => {
  const wire = openWire();
  const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  wire.fromDownstream(get.repeat(1_000));
  assert.equal(wire.toUpstream, get.repeat(128));
  assert.equal(wire.downstreamPaused, true);
  for (let i = 0; i < 1_000; i++) wire.fromUpstream("HTTP/1.1 204 No Content\r\n\r\n");
  assert.equal(wire.toUpstream, get.repeat(1_000));
  assert.equal(wire.downstreamPaused, false);
  assert.equal(wire.events.filter(({ kind }) => kind === "call").length, 1_000);
});
