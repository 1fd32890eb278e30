// Patches of real calls: fields, status, bodies; and what goes through as it came.

import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { bodyOf, emptyBody, streamBody } from "../../../src/core/body.ts";
import { UnderstudyError } from "../../../src/core/errors.ts";
import type { Body, Exchange, Reply } from "../../../src/core/exchange.ts";
import { type HeaderList, headerValue } from "../../../src/core/headers.ts";
import type { MessagePatch, PatchSpec } from "../../../src/core/rule.ts";
import { formatRulePath, RuleProblem } from "../../../src/core/rule-problem.ts";
import { patchEffect } from "../../../src/proxy/perform/patch.ts";
import { answering, call, chunked, messagePatch, response, responseOf, text, textOf } from "./calls.ts";

const limit = 1_000;
const merged: Partial<MessagePatch> = { json: { kind: "merge", value: { plan: "pro" } } };

function onResponse(parts: Partial<MessagePatch> & { status?: number }): PatchSpec {
  return { request: null, response: { ...messagePatch(parts), status: parts.status ?? null } };
}

async function patched(spec: PatchSpec, reply: Reply, exchange: Exchange = call()) {
  const result = responseOf(await patchEffect(spec, limit).apply(exchange, answering(reply)));
  const { lengthBytes } = result.body;
  return { ...result, lengthBytes, text: await textOf(result.body), trailers: result.body.trailers() };
}

/** What the terminal sees of a patched request. */
async function sent(parts: Partial<MessagePatch>, exchange: Exchange): Promise<Exchange> {
  let seen: Exchange | undefined;
  await patchEffect({ request: messagePatch(parts), response: null }, limit).apply(exchange, async (made) => {
    seen = made;
    return response("");
  });
  if (!seen) throw new Error("the call was not made");
  return seen;
}

const json: HeaderList = [
  ["Content-Type", "application/json"],
  ["Content-Length", "15"],
  ["ETag", '"1"'],
];

test("patch: response fields are set in place and removed, the body streams untouched", async () => {
  const spec = onResponse({
    setHeaders: [
      ["etag", '"2"'],
      ["x-new", "1"],
    ],
    removeHeaders: ["X-Old"],
  });
  const body = chunked([text("ab"), text("c")], [["x-sum", "1"]]);
  const headers: HeaderList = [["x-old", "1"], ...json, ["X-OLD", "2"]];
  const result = await patched(spec, response(body, { headers, reason: "Fine" }));
  assert.deepEqual(result.headers, [
    ["Content-Type", "application/json"],
    ["Content-Length", "15"],
    ["ETag", '"2"'],
    ["x-new", "1"],
  ]);
  assert.deepEqual([result.text, result.lengthBytes, result.reason], ["abc", null, "Fine"]);
  assert.deepEqual(result.trailers, [["x-sum", "1"]]);
});

test("patch: JSON is changed, its length known, its old framing gone", async () => {
  const headers: HeaderList = [...json, ["Transfer-Encoding", "chunked"], ["Content-MD5", "x"]];
  const result = await patched(onResponse(merged), response('{"plan":"free"}', { headers }));
  assert.equal(result.text, '{"plan":"pro"}');
  assert.equal(result.lengthBytes, 14);
  assert.deepEqual(result.headers, [
    ["Content-Type", "application/json"],
    ["ETag", '"1"'],
  ]);
});

test("patch: trailers of a changed body go along", async () => {
  const reply = response(chunked([text("{}")], [["x-sum", "1"]]));
  const result = await patched(onResponse(merged), reply);
  assert.deepEqual(
    [result.text, result.lengthBytes, result.trailers],
    ['{"plan":"pro"}', null, [["x-sum", "1"]]],
  );
});

test("patch: compressed JSON is decoded first, and says so no longer", async () => {
  for (const [coding, bytes] of [
    ["gzip", gzipSync('{"a":1}')],
    ["br", brotliCompressSync('{"a":1}')],
  ] as const) {
    const headers: HeaderList = [["content-encoding", coding]];
    const result = await patched(onResponse(merged), response(bodyOf(bytes), { headers }));
    assert.deepEqual([result.text, result.headers], ['{"a":1,"plan":"pro"}', []]);
  }
});

test("patch: the status gets its own phrase", async () => {
  const result = await patched(onResponse({ status: 418 }), response("tea", { status: 200, reason: "OK" }));
  assert.deepEqual([result.status, result.reason, result.text], [418, "", "tea"]);
});

test("patch: what cannot be patched goes through unchanged, with a note", async () => {
  const big = `{"a":"${"x".repeat(2_000)}"}`;
  const rows: readonly (readonly [Body, HeaderList, RegExp])[] = [
    [
      bodyOf(text("<p>")),
      [["Content-Type", "application/json"]],
      /patch\.response: left unchanged: the body is not JSON/,
    ],
    [bodyOf(text("<p>")), [["Content-Type", "text/html"]], /its content-type is text\/html/],
    [
      bodyOf(text("data: {}\n\n")),
      [["Content-Type", "text/event-stream"]],
      /its content-type is text\/event-stream/,
    ],
    [bodyOf(text(big)), [], /larger than 1000 bytes/],
    [chunked([text(big.slice(0, 900)), text(big.slice(900))]), [], /larger than 1000 bytes/],
    [bodyOf(text("zip")), [["Content-Encoding", "gzip"]], /content-encoding gzip could not be undone/],
    [bodyOf(gzipSync(big)), [["Content-Encoding", "gzip"]], /could not be undone within 1000 bytes/],
  ];
  for (const [body, headers, expected] of rows) {
    const notes: string[] = [];
    const before = Buffer.from(await body.read(10_000)).toString();
    const result = await patched(onResponse(merged), response(body, { headers }), call({ notes }));
    assert.match(notes.join(), expected);
    assert.deepEqual([result.text, result.headers, result.lengthBytes], [before, headers, body.lengthBytes]);
  }
});

test("patch: a JSON patch that does not apply leaves the reply as it was, status and fields aside", async () => {
  const notes: string[] = [];
  const spec = onResponse({
    status: 202,
    setHeaders: [["x-a", "1"]],
    json: { kind: "patch", operations: [{ op: "replace", path: "/none", value: 1 }] },
  });
  const result = await patched(spec, response('{"a": 1}'), call({ notes }));
  assert.deepEqual([result.text, result.status, result.headers], ['{"a": 1}', 202, [["x-a", "1"]]]);
  assert.match(notes.join(), /operation 0 \(replace \/none\): there is no \/none/);
});

test("patch: a larger body that is left early closes its source", async () => {
  let closed = false;
  const endless = streamBody(null, async function* () {
    try {
      for (;;) yield new Uint8Array(400);
    } finally {
      closed = true;
    }
  });
  const reply = await patchEffect(onResponse(merged), limit).apply(call(), answering(response(endless)));
  let seen = 0;
  for await (const chunk of responseOf(reply).body.chunks()) {
    seen += chunk.length;
    if (seen >= 4_000) break;
  }
  assert.deepEqual([seen, closed], [4_000, true]);
});

test("patch: HEAD, 204 and 304 are never given a body", async () => {
  const headers: HeaderList = [["content-length", "15"]];
  const head = await patched(onResponse(merged), response(emptyBody, { headers }), call({ method: "HEAD" }));
  assert.deepEqual([head.text, head.headers], ["", []]);
  const untouched = await patched(
    onResponse({ setHeaders: [["x", "1"]] }),
    response(emptyBody, { headers }),
    call({ method: "HEAD" }),
  );
  assert.deepEqual(untouched.headers, [...headers, ["x", "1"]]);
  for (const status of [204, 304]) {
    const result = await patched(onResponse({ body: "new" }), response(emptyBody, { status }));
    assert.deepEqual([result.text, result.status], ["", status]);
  }
});

test("patch: a status with a body may become one without, and the other way round", async () => {
  const gone = await patched(
    onResponse({ status: 204 }),
    response("abc", { headers: [["content-length", "3"]] }),
  );
  assert.deepEqual([gone.text, gone.headers, gone.lengthBytes], ["", [], 0]);
  const headers: HeaderList = [["Content-Length", "99"]];
  const come = await patched(onResponse({ status: 200 }), response(emptyBody, { status: 304, headers }));
  assert.deepEqual([come.text, come.headers, come.lengthBytes], ["", [], 0]);
  const filled = await patched(
    onResponse({ status: 200, body: "new" }),
    response(emptyBody, { status: 204 }),
  );
  assert.deepEqual([filled.text, filled.lengthBytes], ["new", 3]);
});

test("patch: a replaced body is sent at once, and the old one is read to its end", async () => {
  let ended = false;
  const old = streamBody(null, async function* () {
    yield text("old");
    ended = true;
  });
  const headers: HeaderList = [
    ["content-encoding", "gzip"],
    ["content-type", "text/html"],
  ];
  const result = await patched(onResponse({ body: "new body" }), response(old, { headers }));
  assert.deepEqual([result.text, result.lengthBytes], ["new body", 8]);
  assert.deepEqual(result.headers, [["content-type", "text/html"]]);
  assert.equal(ended, true);
});

test("patch: an old body that is endless or huge stays unread, and the reply is the last on its connection", async () => {
  const unread = (lengthBytes: number | null) =>
    streamBody(lengthBytes, () => {
      throw new Error("the old body was read");
    });
  const stream: HeaderList = [
    ["connection", "keep-alive"],
    ["content-type", "text/event-stream"],
  ];
  for (const reply of [response(unread(null), { headers: stream }), response(unread(limit + 1))]) {
    const replaced = await patched(onResponse({ body: "new" }), reply);
    assert.deepEqual([replaced.text, headerValue(replaced.headers, "connection")], ["new", "close"]);
    const emptied = await patched(onResponse({ status: 204 }), reply);
    assert.deepEqual([emptied.text, headerValue(emptied.headers, "connection")], ["", "close"]);
  }
});

test("patch: how the old body breaks no longer matters", async () => {
  const broken = streamBody(5, async function* () {
    yield text("a");
    throw new UnderstudyError("body_cut", "upstream left");
  });
  assert.equal((await patched(onResponse({ body: "" }), response(broken))).text, "");
});

test("patch: an abort while the old body is dropped is not swallowed", async () => {
  const client = new AbortController();
  const old = streamBody(null, async function* () {
    client.abort(new Error("client left"));
    yield text("x");
  });
  await assert.rejects(
    patched(onResponse({ body: "n" }), response(old), call({ signal: client.signal })),
    /client left/,
  );
});

test("patch: a request gets new fields and a new body, and goes where it was going", async () => {
  const exchange = call({
    method: "POST",
    headers: [
      ["Host", "shop.svc"],
      ["Content-Length", "7"],
      ["X-Old", "1"],
    ],
    body: bodyOf(text('{"a":1}')),
  });
  const seen = await sent(
    { setHeaders: [["host", "other.svc"]], removeHeaders: ["x-old"], ...merged },
    exchange,
  );
  assert.deepEqual(seen.head.headers, [["Host", "other.svc"]]);
  assert.equal(seen.head.header("host"), "other.svc");
  assert.equal(seen.head.header("x-old"), undefined);
  assert.deepEqual([seen.head.method, seen.head.path, seen.head.authority], ["POST", "/", "shop.svc:8080"]);
  assert.deepEqual([await textOf(seen.body), seen.body.lengthBytes], ['{"a":1,"plan":"pro"}', 20]);
  assert.deepEqual(
    [seen.id, seen.connection, seen.signal],
    [exchange.id, exchange.connection, exchange.signal],
  );

  const replaced = await sent({ body: "hello" }, exchange);
  assert.deepEqual(
    [await textOf(replaced.body), replaced.head.header("content-length")],
    ["hello", undefined],
  );
  const kept = await sent({ setHeaders: [["x-a", "1"]] }, exchange);
  assert.equal(kept.body, exchange.body);
  assert.equal(kept.head.header("content-length"), "7");
});

test("patch: a request that cannot be patched goes up unchanged, and notes pass on", async () => {
  const notes: string[] = [];
  const seen = await sent(merged, call({ body: bodyOf(text("plain")), notes }));
  assert.equal(await textOf(seen.body), "plain");
  assert.match(notes.join(), /patch\.request: left unchanged: the body is not JSON/);
  seen.note?.("from further in");
  assert.equal(notes.at(-1), "from further in");
});

test("patch: a severed reply stays severed", async () => {
  const severed: Reply = { kind: "sever", how: "fin" };
  const effect = patchEffect(onResponse({ status: 200, body: "x" }), limit);
  assert.deepEqual(await effect.apply(call(), answering(severed)), severed);
});

test("patch: framing fields, broken fields and contradictions are refused in advance", () => {
  const rows: readonly (readonly [PatchSpec, RegExp])[] = [
    [
      onResponse({ setHeaders: [["Content-Length", "1"]] }),
      /^patch\.response\.setHeaders\.Content-Length: expected no framing/,
    ],
    [
      onResponse({ removeHeaders: ["transfer-encoding"] }),
      /^patch\.response\.removeHeaders\[0\]\.transfer-encoding/,
    ],
    [
      onResponse({ setHeaders: [["x", "a\nb"]] }),
      /^patch\.response\.setHeaders\.x: expected Latin-1 characters without control/,
    ],
    [onResponse({ ...merged, body: "x" }), /^patch\.response\.body: expected either json or body/],
    [
      { request: messagePatch({ removeHeaders: ["a b"] }), response: null },
      /^patch\.request\.removeHeaders\[0\]: expected the name of a field/,
    ],
  ];
  for (const [spec, expected] of rows) {
    assert.throws(
      () => patchEffect(spec, limit),
      (thrown) => {
        assert.ok(thrown instanceof RuleProblem);
        assert.match(`${formatRulePath(thrown.path)}: ${thrown.message}`, expected);
        return true;
      },
    );
  }
});

test("patch: the reply may be an instance whose members are lazy", async () => {
  class LazyReply {
    readonly kind = "response";
    readonly headers: HeaderList = [["x", "1"]];
    readonly body = bodyOf(text("{}"));
    get status() {
      return 201;
    }
    get reason() {
      return "Made";
    }
  }
  const result = await patched(onResponse(merged), new LazyReply());
  assert.deepEqual([result.status, result.reason, result.text], [201, "Made", '{"plan":"pro"}']);
  assert.equal(headerValue(result.headers, "x"), "1");
});
