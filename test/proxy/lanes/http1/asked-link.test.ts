// A further link in a tunnel: the proxy is asked again, and whatever it says but 2xx ends the link in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link, LinkEvents } from "../../../../src/core/link.ts";
import { defaultSettings } from "../../../../src/core/settings.ts";
import { AskedLink } from "../../../../src/proxy/lanes/http1/asked-link.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const proxy = { host: "10.0.0.1", port: 3128 };
const upstream = { host: "pay.test", port: 443 };
const head = Buffer.from("CONNECT pay.test:443 HTTP/1.1\r\nHost: pay.test:443\r\n\r\n");
const { limits, deadlines } = defaultSettings;
const { connectMs } = deadlines;
const words = "the proxy 10.0.0.1:3128, asked for a tunnel to pay.test:443, ";

/** A link to a proxy that the test plays; `log` is what the lane hears, `sent` what the proxy gets. */
function ask() {
  const clock = manualClock();
  const sent: string[] = [];
  const log: string[] = [];
  let toLink: LinkEvents | null = null;
  const under: Link = {
    upstream: proxy,
    holdsBytes: false,
    write: (chunk) => sent.push(Buffer.from(chunk).toString()) > 0,
    end: () => void sent.push("FIN"),
    destroy: (reset) => void sent.push(reset ? "RST" : "gone"),
    pause: () => void sent.push("pause"),
    resume: () => void sent.push("resume"),
    released: () => undefined,
  };
  const dial = (_upstream: unknown, events: LinkEvents) => {
    toLink = events;
    return under;
  };
  const events: LinkEvents = {
    data: (chunk) => log.push(chunk.toString()) > 0,
    drain: () => void log.push("drain"),
    end: () => void log.push("FIN"),
    close: (how, detail) => void log.push(`${how}: ${detail}`),
  };
  const link = new AskedLink(upstream, events, { proxy, dial, head }, { clock, limits, connectMs });
  const from = toLink as LinkEvents | null;
  if (!from) throw new Error("not dialled");
  return { link, from, sent, log, clock, says: (text: string) => from.data(Buffer.from(text)) };
}

test("asked link: what is written waits for the tunnel, and what follows the answer is the tunnel's", () => {
  const { link, from, sent, log, says } = ask();
  assert.equal(link.write(Buffer.from("hello")), false);
  assert.equal(link.holdsBytes, true);
  says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 O");
  assert.deepEqual(sent, [head.toString()]);
  says("K\r\nVia: p\r\n\r\nbanner");
  assert.deepEqual(sent, [head.toString(), "hello"]);
  assert.deepEqual(log, ["drain", "banner"]);
  assert.equal(link.holdsBytes, false);
  assert.equal(link.write(Buffer.from("more")), true);
  link.end();
  from.drain();
  says("x");
  from.end();
  from.close("closed", "");
  from.close("closed", "");
  assert.deepEqual(sent.slice(2), ["more", "FIN"]);
  assert.deepEqual(log.slice(2), ["drain", "x", "FIN", "closed: "]);
});

test("asked link: a side that has ended before the tunnel is open ends behind what waited", () => {
  const { link, sent, says } = ask();
  link.write(Buffer.from("all"));
  link.end();
  says("HTTP/1.1 200 OK\r\n\r\n");
  assert.deepEqual(sent.slice(1), ["all", "FIN"]);
});

for (const [what, answer, told] of [
  ["another answer", "HTTP/1.1 407 Who are you\r\n\r\n", "answered 407 Who are you"],
  ["another answer without words", "HTTP/1.1 503 \r\n\r\n", "answered 503"],
  ["nonsense", "SSH-2.0-x\r\n\r\n", "broke the protocol: "],
] as const)
  test(`asked link: ${what} is a refusal`, () => {
    const { link, sent, log, says } = ask();
    says(answer);
    says("more");
    assert.equal(link.write(Buffer.from("x")), true);
    assert.deepEqual(sent, [head.toString(), "gone"]);
    assert.equal(log.length, 1);
    assert.ok(log.join().startsWith(`refused: ${words}${told}`), log.join());
  });

test("asked link: a proxy that ends, breaks off or is not there is a refusal", () => {
  const ended = ask();
  ended.from.end();
  assert.deepEqual(ended.log, [`refused: ${words}ended the connection`]);
  const reset = ask();
  reset.from.close("reset", "ECONNRESET");
  assert.deepEqual(reset.log, ["refused: ECONNRESET"]);
  const late = ask();
  late.from.close("timeout", "no connection");
  assert.deepEqual(late.log, ["timeout: no connection"]);
});

test("asked link: a proxy that does not answer is waited for as long as for a connection", async () => {
  const { log, sent, clock } = ask();
  await clock.advance(connectMs - 1);
  assert.deepEqual(log, []);
  await clock.advance(1);
  assert.deepEqual(log, [`timeout: ${words}did not answer within ${connectMs} ms`]);
  assert.equal(sent.at(-1), "gone");
});

test("asked link: given up, it says nothing more and waits for nothing", async () => {
  const { link, from, log, sent, clock, says } = ask();
  link.destroy(true);
  says("HTTP/1.1 200 OK\r\n\r\n");
  from.end();
  from.close("closed", "");
  await clock.advance(connectMs);
  assert.deepEqual(log, []);
  assert.deepEqual(sent, [head.toString(), "RST"]);
});
