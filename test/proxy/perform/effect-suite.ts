// What every effect owes, whatever its job: it honours abort, loses no byte unless that is its job, repeats under a
// seed, calls `next` once, lets a severed reply pass, and leaves no timer behind. Each effect's test enrols here.

import assert from "node:assert/strict";
import { test } from "node:test";
import { streamBody } from "../../../src/core/body.ts";
import type { Clock } from "../../../src/core/clock.ts";
import type { Effect } from "../../../src/core/effect.ts";
import type { Body, Reply } from "../../../src/core/exchange.ts";
import { type Random, seededRandom } from "../../../src/core/random.ts";
import { type ManualClock, manualClock } from "../../support/manual-clock.ts";
import { answering, bytesOf, call, chunked, response, responseOf } from "./calls.ts";

export interface EffectCase {
  readonly name: string;
  readonly fault: boolean;
  /** False for an effect whose job is to change or remove bytes of the response. */
  readonly keepsBytes: boolean;
  /** False for an effect whose job is to end the response early. */
  readonly keepsLength: boolean;
  /** Where it can be caught by an abort: before the call goes on, or between the bytes. `nowhere`: it waits for others alone. */
  readonly waits: "before the call" | "between bytes" | "nowhere";
  make(deps: { clock: Clock; random: Random }): Effect;
}

const chunkSizes = [1, 700, 0, 3, 1500, 40];
const payload = (): Uint8Array[] => {
  const random = seededRandom(3);
  return chunkSizes.map((size) => Uint8Array.from({ length: size }, () => random.uint32() & 0xff));
};

/** Drives the clock until the promise has settled. */
export async function settled<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let over = false;
  const watched = work.finally(() => {
    over = true;
  });
  watched.catch(() => {}); // Reported by the caller, who awaits the same promise.
  for (let turn = 0; !over && turn < 100_000; turn++) await clock.advance(10);
  return watched;
}

/** The bytes that came before the body ended or broke. */
async function collected(body: Body): Promise<{ bytes: Buffer; broke: string | null }> {
  const parts: Uint8Array[] = [];
  try {
    for await (const chunk of body.chunks()) parts.push(chunk);
  } catch (thrown) {
    return { bytes: Buffer.concat(parts), broke: String(thrown) };
  }
  return { bytes: Buffer.concat(parts), broke: null };
}

export function effectSuite(subject: EffectCase): void {
  const run = async (seed: number) => {
    const clock = manualClock();
    const effect = subject.make({ clock, random: seededRandom(seed) });
    let calls = 0;
    const original = response(chunked(payload(), [["x-sum", "1"]]));
    const work = (async () => {
      const reply = await effect.apply(call(), async () => {
        calls++;
        return original;
      });
      const { body, status } = responseOf(reply);
      return { ...(await collected(body)), lengthBytes: body.lengthBytes, trailers: body.trailers(), status };
    })();
    const result = await settled(clock, work);
    assert.equal(calls, 1, "next is called once");
    assert.equal(clock.pending(), 0, "no timer is left");
    return { ...result, endedAt: clock.now() };
  };

  test(`${subject.name}: says what it is`, () => {
    const effect = subject.make({ clock: manualClock(), random: seededRandom(1) });
    assert.equal(effect.kind, subject.name);
    assert.equal(effect.fault, subject.fault);
  });

  test(`${subject.name}: keeps bytes, length and trailers unless that is its job`, async () => {
    const sent = Buffer.concat(payload());
    const { bytes, broke, lengthBytes, trailers, status } = await run(1);
    if (subject.keepsBytes) assert.deepEqual(bytes, sent);
    if (subject.keepsLength) assert.deepEqual([bytes.length, broke], [sent.length, null]);
    assert.deepEqual([lengthBytes, trailers, status], [null, [["x-sum", "1"]], 200]);
  });

  test(`${subject.name}: is deterministic under a seed`, async () => {
    assert.deepEqual(await run(5), await run(5));
  });

  test(`${subject.name}: lets a severed reply and an empty one pass`, async () => {
    const clock = manualClock();
    const effect = subject.make({ clock, random: seededRandom(1) });
    const severed: Reply = { kind: "sever", how: "rst" };
    assert.deepEqual(await settled(clock, effect.apply(call(), answering(severed))), severed);
    const empty = responseOf(await settled(clock, effect.apply(call(), answering(response("")))));
    assert.equal((await bytesOf(empty.body)).length, 0);
    assert.equal(clock.pending(), 0);
  });

  test(`${subject.name}: hands on what the terminal throws`, async () => {
    const clock = manualClock();
    const effect = subject.make({ clock, random: seededRandom(1) });
    const failing = effect.apply(call(), async () => {
      throw new Error("upstream is gone");
    });
    await assert.rejects(settled(clock, failing), /upstream is gone/);
    assert.equal(clock.pending(), 0);
  });

  if (subject.fault) endsWithItsRule(subject);
  if (subject.waits === "before the call") endsWhileWaiting(subject);
  if (subject.waits === "between bytes") endsBetweenBytes(subject);
}

function endsWithItsRule(subject: EffectCase): void {
  test(`${subject.name}: is over at once when its rule is, and what is still to come passes as it is`, async () => {
    const clock = manualClock();
    const effect = subject.make({ clock, random: seededRandom(1) });
    const rule = new AbortController();
    const sent = Buffer.concat(payload());
    const work = (async () => {
      const given = { ...call(), faultEnds: rule.signal };
      const reply = responseOf(await effect.apply(given, answering(response(chunked(payload())))));
      return bytesOf(reply.body);
    })();
    rule.abort();
    assert.deepEqual(await work, sent); // no time has passed: the clock stands
    assert.equal(clock.pending(), 0);
  });
}

function endsWhileWaiting(subject: EffectCase): void {
  test(`${subject.name}: ends at once when the client leaves, without making the call`, async () => {
    const clock = manualClock();
    const effect = subject.make({ clock, random: seededRandom(1) });
    const client = new AbortController();
    let called = false;
    const work = effect.apply(call({ signal: client.signal }), async () => {
      called = true;
      return response("");
    });
    client.abort(new Error("client left"));
    await assert.rejects(work, /client left/);
    assert.deepEqual([called, clock.pending()], [false, 0]);
  });
}

function endsBetweenBytes(subject: EffectCase): void {
  test(`${subject.name}: ends at once when the client leaves, with the reason, and closes its source`, async () => {
    const clock = manualClock();
    const effect = subject.make({ clock, random: seededRandom(1) });
    const client = new AbortController();
    let closed = false;
    // Endless, and deaf to the signal, so that whatever ends it is the effect.
    const source = streamBody(null, async function* () {
      try {
        for (let sent = 0; ; sent++) {
          if (sent === 3) client.abort(new Error("client left"));
          yield new Uint8Array(10);
        }
      } finally {
        closed = true;
      }
    });
    const work = (async () => {
      const reply = await effect.apply(call({ signal: client.signal }), answering(response(source)));
      for await (const chunk of responseOf(reply).body.chunks()) void chunk;
    })();
    await assert.rejects(settled(clock, work), /client left/);
    assert.deepEqual([closed, clock.pending()], [true, 0]);
  });
}
