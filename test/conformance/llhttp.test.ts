// Differential test against llhttp's own fixtures: what it rejects we reject, what it accepts we accept, and we see as
// many messages. See README.md beside this file for the corpus, llhttp-deviations.ts for what we judge otherwise.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deviations } from "./llhttp-deviations.ts";
import { type Outcome, readStream } from "./message-stream.ts";

interface Fixture {
  readonly file: string;
  readonly title: string;
  readonly type: string;
  /** base64 */
  readonly input: string;
  readonly messages: number;
  readonly error: number;
}

/** llhttp's "pause": the bytes that follow belong to the upgraded protocol. */
const upgradePause = 22;

// The file is ours and does not change at run time; its shape is that of `Fixture`.
const fixtures = JSON.parse(
  readFileSync(new URL("./llhttp-corpus.json", import.meta.url), "utf8"),
) as readonly Fixture[];

const seen = new Map<string, number>();
const named = fixtures.map((fixture) => {
  const name = `${fixture.file}: ${fixture.title}`;
  const times = (seen.get(name) ?? 0) + 1;
  seen.set(name, times);
  const text = Buffer.from(fixture.input, "base64").toString("latin1");
  return { fixture, name: times === 1 ? name : `${name} #${times}`, kind: kindOf(fixture), text };
});

function kindOf(fixture: Fixture): "request" | "response" {
  return fixture.type.startsWith("request") ? "request" : "response";
}

function lacksHost(kind: "request" | "response", text: string): boolean {
  return kind === "request" && / HTTP\/1\.1\r\n/.test(text) && !/^host[ \t]*:/im.test(text);
}

/** llhttp leaves Host to its users; half of the fixtures have none. They get one, so that the rest of them is tested. */
function withHost(kind: "request" | "response", text: string): string {
  return lacksHost(kind, text) ? text.replaceAll(" HTTP/1.1\r\n", " HTTP/1.1\r\nHost: a\r\n") : text;
}

function read(kind: "request" | "response", text: string): Outcome {
  return readStream(kind, Buffer.from(text, "latin1"));
}

function agrees(fixture: Fixture, outcome: Outcome): boolean {
  const weReject = outcome.end === "refused" || outcome.end === "rest";
  const theyReject = fixture.error !== 0 && fixture.error !== upgradePause;
  return weReject === theyReject && (weReject || outcome.messages === fixture.messages);
}

test("llhttp: verdicts and message counts agree, but for the deviations that are listed", () => {
  assert.equal(fixtures.length, 246);
  const listed = new Set(deviations.flatMap(({ cases }) => cases));
  const different = named
    .map(({ fixture, name, kind, text }) => ({ fixture, name, outcome: read(kind, withHost(kind, text)) }))
    .filter(({ fixture, outcome }) => !agrees(fixture, outcome));
  const unlisted = different.filter(({ name }) => !listed.has(name));
  assert.deepEqual(
    unlisted.map(({ name, outcome }) => `${name}: ${outcome.refusal?.reason ?? outcome.end}`),
    [],
  );
  const gone = [...listed].filter((name) => !different.some((found) => found.name === name));
  assert.deepEqual(gone, [], "these no longer deviate: take them out of the table");
});

for (const { source, reason, ours, cases } of deviations) {
  test(`llhttp deviation (${source}): ${reason}`, () => {
    for (const name of cases) {
      const found = named.find((candidate) => candidate.name === name);
      assert.ok(found, `${name} is not in the corpus`);
      const { end } = read(found.kind, withHost(found.kind, found.text));
      assert.equal(end === "clean" || end === "upgrade" ? "accepted" : end, ours, name);
    }
  });
}

test("llhttp deviation (RFC 9112 §3.2): every HTTP/1.1 request without Host is refused", () => {
  const hostless = named.filter(({ kind, text }) => lacksHost(kind, text));
  assert.ok(hostless.length > 60);
  for (const { name, kind, text } of hostless) {
    const { end, messages } = read(kind, text);
    // An HTTP/1.0 message may stand before the first HTTP/1.1 one; an incomplete head is not judged yet.
    const first = text.search(/ HTTP\/1\.\d\r\n/);
    if (text.startsWith(" HTTP/1.0", first)) continue;
    assert.ok(end === "refused" || (end === "incomplete" && !text.includes("\r\n\r\n")), name);
    assert.equal(messages, 0, name);
  }
});

test("llhttp: heads that were cut before their verdict are refused when they are complete", () => {
  const cut = deviations.find(({ reason }) => reason.startsWith("framing is judged"));
  for (const name of cut?.cases ?? []) {
    const found = named.find((candidate) => candidate.name === name);
    assert.equal(read("request", `${withHost("request", found?.text ?? "")}\r\n`).end, "refused", name);
  }
});
