// Random conversations on one connection: relayed, mocked and undecided calls, any framing, any cut, any pace of the
// upstream. Whatever happens, responses come in the order of the requests, and the upstream sees the relayed requests'
// own bytes and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bodyOf } from "../../src/core/body.ts";
import type { FixedReply, Terminal } from "../../src/core/effect.ts";
import type { Claim } from "../../src/core/lane.ts";
import { ruleSpec } from "../support/rule-spec.ts";
import { openWire } from "../support/wire.ts";

type Kind = "relay" | "fixed" | "rich" | "body-relay" | "body-mock";

interface Asked {
  readonly kind: Kind;
  readonly framing: "none" | "length" | "chunked";
  readonly body: string;
}

let active = 0;

function claim(path: string, fixed: boolean): Claim {
  const reply: FixedReply = {
    status: 200,
    reason: "",
    headers: [["X-Path", path]],
    body: Buffer.from(`mock ${path}`),
  };
  const answer = async () => ({ kind: "response", ...reply, body: bodyOf(reply.body) }) as const;
  const terminal: Terminal = { kind: "mock", answer, fixed: fixed ? reply : null };
  active++;
  return {
    kind: "claim",
    rule: { spec: ruleSpec({ name: "m" }), rank: 0, effects: [], terminal },
    serve: (exchange) =>
      terminal.kind === "mock" ? terminal.answer(exchange) : Promise.reject(new Error("unused")),
    release: () => void active--,
  };
}

function bytesOf(asked: Asked, index: number): string {
  const line = `POST /${asked.kind}/${index} HTTP/1.1\r\nHost: x\r\n`;
  if (asked.framing === "none") return `${line}\r\n`;
  if (asked.framing === "length") return `${line}Content-Length: ${asked.body.length}\r\n\r\n${asked.body}`;
  const middle = Math.ceil(asked.body.length / 2);
  const chunks = [asked.body.slice(0, middle), asked.body.slice(middle)].filter((chunk) => chunk !== "");
  const coded = chunks.map((chunk) => `${chunk.length.toString(16)};n=1\r\n${chunk}\r\n`).join("");
  return `${line}Transfer-Encoding: chunked\r\n\r\n${coded}0\r\n\r\n`;
}

const isRelayed = (kind: Kind) => kind === "relay" || kind === "body-relay";
const asking = fc.record<Asked>({
  kind: fc.constantFrom<Kind>("relay", "fixed", "rich", "body-relay", "body-mock"),
  framing: fc.constantFrom("none", "length", "chunked"),
  body: fc.string({ maxLength: 40, unit: "binary-ascii" }),
});

/** Statuses and bodies of a stream of responses with Content-Length. */
function bodies(stream: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < stream.length; ) {
    const headEnd = stream.indexOf("\r\n\r\n", at) + 4;
    const length = Number(/Content-Length: (\d+)/.exec(stream.slice(at, headEnd))?.[1]);
    found.push(stream.slice(headEnd, headEnd + length));
    at = headEnd + length;
  }
  return found;
}

test("session: order and bytes hold in any conversation", async () => {
  const conversations = fc.asyncProperty(
    fc.array(asking, { minLength: 1, maxLength: 8 }),
    fc.array(fc.nat(400), { maxLength: 10 }),
    fc.array(fc.nat(3), { maxLength: 20 }),
    async (calls, cuts, pace) => {
      active = 0;
      const wire = openWire({
        decide: (_method, path) => {
          if (path.startsWith("/fixed")) return claim(path, true);
          if (path.startsWith("/rich")) return claim(path, false);
          if (path.startsWith("/body")) {
            return {
              kind: "undecided",
              isEnough: () => false,
              lacks: () => null,
              decide: () => (path.startsWith("/body-mock") ? claim(path, false) : null),
            };
          }
          return null;
        },
      });
      const requests = calls.map(bytesOf);
      const relayed = requests.filter((_, i) => isRelayed(calls[i]?.kind ?? "relay"));
      const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
      let answered = 0;
      const answer = (most: number) => {
        for (let i = 0; i < most && answered < relayed.length; i++) {
          const seen = relayed.slice(0, answered + 1).join("").length;
          if (wire.toUpstream.length < seen) return;
          const path = /POST (\S+)/.exec(relayed[answered] ?? "")?.[1] ?? "";
          answered++;
          wire.fromUpstream(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length + 5}\r\n\r\nreal ${path}`);
        }
      };
      const stream = requests.join("");
      const places = [...new Set([0, ...cuts.map((cut) => cut % stream.length), stream.length])].sort(
        (a, b) => a - b,
      );
      for (let i = 1; i < places.length; i++) {
        // A paused socket delivers nothing; what it would deliver waits in the kernel.
        for (let turn = 0; wire.downstreamPaused && turn < 50; turn++) {
          await settle();
          answer(1);
        }
        wire.fromDownstream(stream.slice(places[i - 1], places[i]));
        answer(pace[i] ?? 1);
        await settle();
      }
      for (let turn = 0; turn < 200 && bodies(wire.toDownstream).length < calls.length; turn++) {
        answer(1);
        await settle();
      }
      const expected = calls.map(({ kind }, i) => `${isRelayed(kind) ? "real" : "mock"} /${kind}/${i}`);
      assert.deepEqual(bodies(wire.toDownstream), expected);
      assert.equal(wire.toUpstream, relayed.join(""));
      assert.equal(active, 0);
      assert.equal(wire.downstreamEnd, "open");
      assert.equal(wire.events.length, calls.length);
    },
  );
  await fc.assert(conversations, { seed: 20261121, numRuns: 400 });
});
