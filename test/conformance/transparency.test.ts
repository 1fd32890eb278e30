// The first promise: on the plain road the bytes that arrived are the bytes that leave, in both directions, however
// they were cut on their way.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openWire, type Wire } from "../support/wire.ts";
import { exchanges, type WireExchange } from "./exchanges.ts";

function pieces(text: string, cuts: readonly number[]): readonly string[] {
  const places = [0, ...[...cuts].sort((a, b) => a - b), text.length];
  return places
    .slice(1)
    .map((end, i) => text.slice(places[i], end))
    .filter((piece) => piece !== "");
}

function run(exchange: WireExchange, requestCuts: readonly number[], responseCuts: readonly number[]): Wire {
  const wire = openWire();
  for (const piece of pieces(exchange.request, requestCuts)) wire.fromDownstream(piece);
  for (const piece of pieces(exchange.response, responseCuts)) wire.fromUpstream(piece);
  if (exchange.untilClose) wire.upstreamFin();
  return wire;
}

function check(exchange: WireExchange, wire: Wire): void {
  assert.equal(wire.toUpstream, exchange.request);
  assert.equal(wire.toDownstream, exchange.response);
  assert.equal(wire.downstreamEnd, exchange.untilClose ? "fin" : "open");
  assert.equal(wire.links, 1);
  const calls = wire.events.filter((event) => event.kind === "call");
  assert.ok(calls.length > 0 && calls.every((call) => call.outcome === "relayed" && call.flags.length === 0));
}

for (const exchange of exchanges) {
  test(`transparency: ${exchange.name}, cut at every byte offset`, () => {
    check(exchange, run(exchange, [], []));
    for (let cut = 1; cut < exchange.request.length; cut++) check(exchange, run(exchange, [cut], []));
    for (let cut = 1; cut < exchange.response.length; cut++) check(exchange, run(exchange, [], [cut]));
  });

  test(`transparency: ${exchange.name}, byte by byte and in random pieces`, () => {
    const everywhere = (text: string) => Array.from({ length: text.length - 1 }, (_, i) => i + 1);
    check(exchange, run(exchange, everywhere(exchange.request), everywhere(exchange.response)));
    const cutsOf = (text: string) =>
      fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 12 });
    const property = fc.property(cutsOf(exchange.request), cutsOf(exchange.response), (a, b) =>
      check(exchange, run(exchange, a, b)),
    );
    fc.assert(property, { seed: 7, numRuns: 100 });
  });
}

test("transparency: all exchanges one after the other on one connection", () => {
  const lasting = exchanges.filter(
    ({ untilClose, request }) => !untilClose && !/close|Upgrade/.test(request),
  );
  const wire = openWire();
  let requests = "";
  let responses = "";
  for (const { request, response } of lasting) {
    wire.fromDownstream(request);
    wire.fromUpstream(response);
    requests += request;
    responses += response;
  }
  assert.equal(wire.toUpstream, requests);
  assert.equal(wire.toDownstream, responses);
  assert.equal(wire.links, 1);
});
