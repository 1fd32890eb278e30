// The faults of a rule on raw bytes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../src/core/random.ts";
import type { FaultSpec, RuleSpec } from "../../../src/core/rule.ts";
import { planConnectionFault } from "../../../src/proxy/perform/connection-fault.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { fault, fixedDelay, messagePatch, replySpec, rule, text } from "./calls.ts";
import { settled } from "./effect-suite.ts";

const alive = { signal: new AbortController().signal };

function planned(spec: RuleSpec, clock = manualClock()) {
  return planConnectionFault(spec, { clock, random: seededRandom(1) });
}

function onBytes(parts: Partial<FaultSpec>, clock = manualClock()) {
  const made = planned(rule({ fault: fault(parts) }), clock);
  if (made?.kind !== "bytes") throw new Error("a fault on bytes was expected");
  return made;
}

async function* source(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield text(chunk);
}

async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const parts: string[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk).toString());
  return parts;
}

test("connection fault: none where the rule does nothing to raw bytes", () => {
  const slow = fault({ delay: fixedDelay(5) });
  const respond = { kind: "reply", reply: replySpec({}) } as const;
  assert.equal(planned(rule({})), null);
  assert.equal(planned(rule({ fault: fault({}) })), null);
  assert.equal(planned(rule({ fault: slow, respond })), null);
  assert.equal(planned(rule({ fault: slow, patch: { request: messagePatch({}), response: null } })), null);
  assert.equal(planned(rule({ fault: fault({ abort: { kind: "httpStatus", status: 503 } }) })), null);
  assert.equal(
    planned(rule({ fault: fault({ throttle: { upBytesPerSecond: null, downBytesPerSecond: null } }) })),
    null,
  );
});

test("connection fault: an abort says how, and after which delay", () => {
  for (const [kind, how] of [
    ["reset", "rst"],
    ["close", "fin"],
    ["hang", "hang"],
  ] as const) {
    const made = planned(rule({ fault: fault({ abort: { kind }, delay: fixedDelay(7) }) }));
    assert.equal(made?.kind === "abort" && made.how, how);
    assert.equal(made?.delayMs(), 7);
  }
  assert.equal(planned(rule({ fault: fault({ abort: { kind: "reset" } }) }))?.delayMs(), 0);
});

test("connection fault: a delay alone touches no byte", () => {
  const made = onBytes({ delay: fixedDelay(7) });
  assert.deepEqual(
    [made.delayMs(), made.touches("toUpstream"), made.touches("toDownstream")],
    [7, false, false],
  );
  const chunks = source("a");
  assert.equal(made.transform("toUpstream", chunks, alive), chunks);
  assert.equal(made.transform("toDownstream", chunks, alive), chunks);
});

test("connection fault: up is throttled alone; down is truncated, corrupted, sliced and throttled", async () => {
  const clock = manualClock();
  const made = onBytes(
    {
      throttle: { upBytesPerSecond: 10, downBytesPerSecond: 100 },
      slice: { bytes: 2, delayMs: 0 },
      corrupt: { probability: 1, seed: 3 },
      truncate: { afterBytes: 5 },
    },
    clock,
  );
  assert.deepEqual([made.touches("toUpstream"), made.touches("toDownstream")], [true, true]);
  const up = await settled(clock, gathered(made.transform("toUpstream", source("abc", "d"), alive)));
  assert.deepEqual([up.join(""), Math.round(clock.now())], ["abcd", 400]);

  const down: Buffer[] = [];
  const work = (async () => {
    const bytes = made.transform("toDownstream", source("abc", "defgh"), alive);
    for await (const chunk of bytes) down.push(Buffer.from(chunk));
  })();
  await assert.rejects(settled(clock, work), /cut after 5 bytes/);
  const got = Buffer.concat(down);
  assert.deepEqual([got.length, down.every((chunk) => chunk.length <= 2)], [5, true]);
  assert.ok(got.every((byte, index) => byte !== "abcde".charCodeAt(index)));
});

test("connection fault: one direction may be touched without the other", () => {
  const up = onBytes({ throttle: { upBytesPerSecond: 5, downBytesPerSecond: null } });
  assert.deepEqual([up.touches("toUpstream"), up.touches("toDownstream")], [true, false]);
  const down = onBytes({ corrupt: { probability: 0.5, seed: null } });
  assert.deepEqual([down.touches("toUpstream"), down.touches("toDownstream")], [false, true]);
});

test("connection fault: ends at once when the connection is given up", async () => {
  const clock = manualClock();
  const made = onBytes({ throttle: { upBytesPerSecond: 1, downBytesPerSecond: null } }, clock);
  const given = new AbortController();
  const work = gathered(made.transform("toUpstream", source("abc"), given));
  await clock.advance(500);
  given.abort(new Error("given up"));
  await assert.rejects(work, /given up/);
  assert.equal(clock.pending(), 0);
});
