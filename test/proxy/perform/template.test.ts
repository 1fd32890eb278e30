// Templates: what they see of a call, what their helpers give, and what they must not do.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { bodyOf } from "../../../src/core/body.ts";
import type { Exchange } from "../../../src/core/exchange.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { ReplySpec } from "../../../src/core/rule.ts";
import { formatRulePath, RuleProblem } from "../../../src/core/rule-problem.ts";
import { createPlanner } from "../../../src/proxy/perform/plan.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { call, replySpec, responseOf, rule, text, textOf } from "./calls.ts";

function mock(parts: Partial<ReplySpec>, seed = 1) {
  const plan = createPlanner({
    clock: manualClock(),
    random: seededRandom(seed),
    maxBodyBytes: 200_000,
    hangMs: 1_000,
  });
  const reply = replySpec({ template: true, ...parts });
  const { terminal } = plan(rule({ name: "tpl", respond: { kind: "reply", reply } }));
  if (terminal.kind !== "mock") throw new Error("a mock was expected");
  return terminal;
}

const exchange = (
  json: unknown = { id: "c1", amount: 12, big: 1, items: [{ n: "a" }, { n: "b" }] },
): Exchange =>
  call({
    method: "POST",
    path: "/users/a%20b/orders?page=2&q=x%22y&page=3",
    headers: [
      ["X-Tenant", "qa"],
      ["x-many", "1"],
      ["X-Many", "2"],
      ["Cookie", "sid=s1; theme=dark"],
    ],
    body: bodyOf(text(typeof json === "string" ? json : JSON.stringify(json))),
  });

async function rendered(source: string, made: Exchange = exchange()): Promise<string> {
  const { answer } = mock({ body: { kind: "text", text: source } });
  return textOf(responseOf(await answer(made)).body);
}

async function expectRows(rows: readonly (readonly [template: string, output: string])[]): Promise<void> {
  for (const [template, output] of rows) assert.equal(await rendered(template), output, template);
}

test("template: sees every part of the request", async () => {
  await expectRows([
    ["{{request.method}} {{request.scheme}}", "POST http"],
    ["{{request.host}} {{request.authority}}", "shop.svc shop.svc:8080"],
    ["{{request.path}} {{request.url}}", "/users/a%20b/orders /users/a%20b/orders?page=2&q=x%22y&page=3"],
    ["{{request.pathSegments.[1]}} {{request.pathSegments.[9]}}", "a b "],
    ["{{request.query.page}} {{request.query.q}} {{request.query.none}}", '2 x"y '],
    ["{{request.headers.x-tenant}} {{request.headers.x-many}}", "qa 1, 2"],
    ["{{request.cookies.sid}} {{request.cookies.none}}", "s1 "],
    ["{{request.json.id}} {{request.json.items.[1].n}} {{request.json.none.at.all}}", "c1 b "],
    ["{{request.body}}", JSON.stringify({ id: "c1", amount: 12, big: 1, items: [{ n: "a" }, { n: "b" }] })],
    [
      "{{#each request.json.items}}{{@index}}{{n}}{{#unless @last}},{{/unless}}{{else}}none{{/each}}",
      "0a,1b",
    ],
    ["{{#each request.json.none}}x{{else}}none{{/each}}", "none"],
    ["{{#each request.json.items as |item place|}}{{item.n}}{{place}}{{/each}}", "a0b1"],
    ["{{#each request.cookies}}{{@key}}={{this}};{{/each}}", "sid=s1;theme=dark;"],
    [
      "{{#each request.json.items}}{{@root.request.method}}{{../request.scheme}}{{/each}}",
      "POSThttpPOSThttp",
    ],
    ["{{#if request.query.page}}{{request.json.id}}{{else}}no{{/if}}", "c1"],
    ["{{#with request.json}}{{id}}{{/with}}{{#request.json.items}}{{n}}{{/request.json.items}}", "c1ab"],
    ["\\{{literal}} {{! a comment }}<&>\"'", "{{literal}} <&>\"'"],
  ]);
});

test("template: text helpers", async () => {
  await expectRows([
    ["{{json request.json.items}}", '[{"n":"a"},{"n":"b"}]'],
    ["{{json request.json.none}} {{json request.query.q}}", 'null "x\\"y"'],
    ["{{json request.json.items pretty=true}}", '[\n  {\n    "n": "a"\n  },\n  {\n    "n": "b"\n  }\n]'],
    ['{{base64 "grüße"}} {{base64 "Z3LDvMOfZQ==" decode=true}}', "Z3LDvMOfZQ== grüße"],
    ['{{upper "a"}}{{lower "B"}}{{trim "  c "}}{{urlEncode "a b&c"}}', "Abca%20b%26c"],
    ['{{default request.query.none "d"}} {{default request.query.page "d"}} {{default ""}}', "d 2 "],
    ['{{header "X-TENANT"}} {{query "page"}} {{cookie "sid"}} {{cookie "none"}}', "qa 2 s1 "],
    ['{{lookup request.headers "x-tenant"}} {{lookup request.json.items 0}}', "qa [object Object]"],
    ["{{size request.json.items}} {{size request.json.id}} {{size request.json}} {{size 5}}", "2 2 4 0"],
    ["{{upper request.json.items}}", '[{"N":"A"},{"N":"B"}]'],
  ]);
});

test("template: numbers and comparisons", async () => {
  await expectRows([
    [
      '{{math request.json.amount "*" 100}} {{math 7 "-" "2"}} {{math 7 "/" 2}} {{math 7 "%" 4}}',
      "1200 5 3.5 3",
    ],
    ["{{round 2.345 1}} {{round 2.5}}", "2.3 3"],
    ['{{#if (eq request.json.amount "12")}}y{{/if}}{{#if (ne 1 2)}}y{{/if}}', "yy"],
    ["{{gt 2 1}} {{gte 1 1}} {{lt 2 1}} {{lte 2 1}}", "true true false false"],
    ["{{and 1 0}} {{or 0 1}} {{not 0}}", "false true true"],
    ['{{math 1 "+" (math 2 "*" 3)}}', "7"],
  ]);
});

test("template: time comes from the clock, in UTC", async () => {
  await expectRows([
    ["{{now}}", "2026-01-01T00:00:00.000Z"],
    ['{{now format="unix"}} {{now format="epoch"}}', "1767225600 1767225600000"],
    ['{{now format="http"}}', "Thu, 01 Jan 2026 00:00:00 GMT"],
    ['{{now offset="-1d" format="yyyy-MM-dd"}}', "2025-12-31"],
    [`{{now offset="1h 30m" format="yyyyMMdd'T'HH:mm:ss.SSS"}}`, "20260101T01:30:00.000"],
    ['{{now offset="+2w250ms" format="dd SSS"}}', "15 250"],
  ]);
});

test("template: chance is seeded, in range and in shape", async () => {
  const source =
    '{{uuid}} {{randomInt 1 6}} {{randomChoice "a" "b"}} {{randomHex 8}} {{randomString 5}} {{randomString 3 from="z"}}';
  const shape =
    /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12} [1-6] [ab] [\da-f]{8} [A-Za-z\d]{5} zzz$/;
  const { answer } = mock({ body: { kind: "text", text: source } }, 9);
  const first = await textOf(responseOf(await answer(call())).body);
  assert.match(first, shape);
  for (let i = 0; i < 200; i++) assert.match(await textOf(responseOf(await answer(call())).body), shape);
  const again = mock({ body: { kind: "text", text: source } }, 9);
  assert.equal(await textOf(responseOf(await again.answer(call())).body), first);
  assert.equal(await rendered("{{size (randomChoice request.json.items)}}"), "1");
});

test("template: header values are templates; the reply varies, so nothing is fixed", async () => {
  const { answer, fixed } = mock({
    headers: [["Location", "/charges/{{request.json.id}}"]],
    status: 201,
  });
  assert.equal(fixed, null);
  const reply = responseOf(await answer(exchange()));
  assert.deepEqual([reply.status, reply.headers], [201, [["Location", "/charges/c1"]]]);
});

test("template: without any expression the reply is fixed after all", () => {
  assert.notEqual(mock({ body: { kind: "text", text: "plain" } }).fixed, null);
  assert.notEqual(mock({ body: { kind: "json", value: { a: ["plain"] } } }).fixed, null);
});

test("template: inside JSON each string is filled on its own, and {{json …}} alone keeps the type", async () => {
  const value = {
    q: "{{request.query.q}}",
    amount: "{{json request.json.amount}}",
    list: ["{{json request.json.items}}", "n={{json request.json.amount}}", 5, null],
    same: { a: true },
  };
  const { answer } = mock({ body: { kind: "json", value } });
  const reply = responseOf(await answer(exchange()));
  assert.deepEqual(reply.headers, [["content-type", "application/json"]]);
  assert.deepEqual(JSON.parse(await textOf(reply.body)), {
    q: 'x"y',
    amount: 12,
    list: [[{ n: "a" }, { n: "b" }], "n=12", 5, null],
    same: { a: true },
  });
});

test("template: integers beyond 2^53 come out as they went in", async () => {
  const big = '{"id":9007199254740993,"small":-0,"ratio":1.10}';
  assert.equal(
    await rendered("{{request.json.id}} {{json request.json.id}}", exchange(big)),
    "9007199254740993 9007199254740993",
  );
  assert.equal(await rendered("{{json request.json.ratio}}", exchange(big)), "1.1");
});

test("template: a compressed request body is seen decoded; one that is no JSON has no json", async () => {
  const zipped = call({
    headers: [["content-encoding", "gzip"]],
    body: bodyOf(gzipSync('{"id":"z"}')),
  });
  assert.equal(await rendered("{{request.json.id}}", zipped), "z");
  assert.equal(await rendered("{{request.json.id}}|{{request.body}}", exchange("not json")), "|not json");
});

test("template: the request body is read only where the template may look at it", async () => {
  const rows: readonly (readonly [string, boolean])[] = [
    ["{{request.path}} {{header 'x-tenant'}}", false],
    ["{{#each request.headers}}{{this}}{{/each}}", false],
    ["{{#if request.query.page}}{{request.method}}{{/if}}", false],
    ["{{request.body}}", true],
    ["{{#if request.query.page}}{{upper request.json.id}}{{/if}}", true],
    ["{{json request}}", true],
    ["{{json this}}", true],
    ["{{size @root}}", true],
    ["{{lookup request 'body'}}", true],
    ["{{#with request}}{{body}}{{/with}}", true],
    ["{{#each request.headers}}{{../request.json.id}}{{/each}}", true],
  ];
  for (const [source, expected] of rows) {
    const body = bodyOf(text("{}"));
    let read = false;
    const watched = {
      ...body,
      read: (limit: number) => {
        read = true;
        return body.read(limit);
      },
    };
    await rendered(source, call({ path: "/?page=1", headers: [["x", "y"]], body: watched }));
    assert.equal(read, expected, source);
  }
});

test("template: nothing inherited can be reached", async () => {
  await expectRows([
    ["{{request.query.constructor}}{{request.headers.__proto__}}", ""],
    [
      "{{request.json.constructor}}{{lookup request.json 'constructor'}}{{lookup request.json '__proto__'}}",
      "",
    ],
    ["{{request.json.id.length}}{{request.body.toString}}", "2"],
    ["{{lookup (lookup request.json 'constructor') 'name'}}", ""],
  ]);
});

const refusals: readonly (readonly [template: string, expected: RegExp])[] = [
  ["{{#if request.path}}", /respond\.body: expected a Handlebars template: Parse error on line 1/],
  [
    "a\n{{reqest.path}}",
    /respond\.body: expected request\.… or a helper, got "reqest\.path" \(line 2 of the template\)/,
  ],
  ["{{request.heders.x}}", /expected a field of request \(method, .*\), got "request\.heders\.x"/],
  ["{{shout request.path}}", /there is no helper "shout"/],
  ["{{upper (shout 1)}}", /there is no helper "shout"/],
  ["{{#shout request.path}}{{/shout}}", /"shout" cannot open a block/],
  ["{{#upper 'a'}}{{/upper}}", /"upper" cannot open a block/],
  ["{{if request.path}}", /if opens a block/],
  ["{{#each request.headers}}{{else}}{{nope}}{{/each}}", /got "nope"/],
  ["{{log request.path}}", /there is no helper "log"/],
  ["{{> header}}", /partials and decorators are not supported/],
  ["{{#> layout}}{{/layout}}", /partials and decorators are not supported/],
  ["{{* decorate}}", /partials and decorators are not supported/],
  ["{{{{raw}}}} {{{{/raw}}}}", /got "raw"/],
  [`{{! ${"x".repeat(1_048_577)} }}`, /expected a template of at most 1048576 characters/],
];

test("template: what is wrong in itself is refused while the rules are loaded", () => {
  for (const [source, expected] of refusals) {
    assert.throws(
      () => mock({ body: { kind: "text", text: source } }),
      (thrown) => {
        assert.ok(thrown instanceof RuleProblem, String(thrown));
        assert.match(`${formatRulePath(thrown.path)}: ${thrown.message}`, expected);
        return true;
      },
    );
  }
  const at = (parts: Partial<ReplySpec>) => {
    try {
      mock(parts);
    } catch (thrown) {
      return thrown instanceof RuleProblem ? formatRulePath(thrown.path) : "";
    }
    return "";
  };
  assert.equal(at({ headers: [["x-a", "{{nope}}"]] }), "respond.headers.x-a");
  assert.equal(at({ body: { kind: "json", value: { a: [1, { b: "{{nope}}" }] } } }), "respond.json.a[1].b");
});

test("template: what fails for one call is a 500 that says why, with a note", async () => {
  const rows: readonly (readonly [Partial<ReplySpec>, RegExp])[] = [
    [{ body: { kind: "text", text: "{{math 'a' '+' 1}}" } }, /respond\.body: expected a number, got "a"/],
    [{ body: { kind: "text", text: "{{math 1 '^' 1}}" } }, /expected one of \+ - \* \/ %/],
    [{ body: { kind: "text", text: "{{math 1 '/' 0}}" } }, /expected a number/],
    [{ body: { kind: "text", text: "{{round 1 99}}" } }, /expected a whole number from 0 to 20, got 99/],
    [{ body: { kind: "text", text: "{{randomHex 1000000}}" } }, /randomHex: expected a whole number/],
    [{ body: { kind: "text", text: "{{randomInt 5 1}}" } }, /expected the smaller bound first/],
    [{ body: { kind: "text", text: "{{now offset='soon'}}" } }, /expected an offset such as/],
    [{ body: { kind: "text", text: "{{now offset='999999999w'}}" } }, /out of the calendar/],
    [
      { headers: [["x-a", "{{request.query.evil}}"]] },
      /respond\.headers\.x-a: expected Latin-1 characters without control/,
    ],
    [{ body: { kind: "json", value: ["{{math request.json 1}}"] } }, /respond\.json: expected a number/],
  ];
  for (const [parts, expected] of rows) {
    const notes: string[] = [];
    const { answer } = mock(parts);
    const reply = responseOf(await answer(call({ path: "/?evil=a%0d%0aset-cookie:x", notes })));
    assert.equal(reply.status, 500);
    assert.match(await textOf(reply.body), expected);
    assert.match(notes.join(), expected);
    assert.match(notes.join(), /rule tpl/);
  }
});

test("template: a body that cannot be had is a 500 only where it is looked at", async () => {
  const large = () => call({ path: "/?b=1", body: bodyOf(new Uint8Array(200_001)) });
  assert.match(await rendered("{{request.body}}", large()), /request\.body: is larger than 200000 bytes/);
  assert.equal(await rendered("{{#if request.query.b}}ok{{else}}{{request.body}}{{/if}}", large()), "ok");
  const odd = call({ headers: [["content-encoding", "lzma"]], body: bodyOf(text("x")) });
  assert.match(await rendered("{{request.body}}", odd), /content-encoding lzma could not be undone/);
});

test("template: a long list in a request cannot buy endless work", async () => {
  const nested = "{{#each request.json}}{{#each @root.request.json}}x{{/each}}{{/each}}";
  const many = exchange(Array.from({ length: 3_000 }, () => 1));
  assert.match(await rendered(nested, many), /more work than one reply may cost/);
  const echoes = "{{#each request.json}}{{json @root.request.json}}{{/each}}";
  assert.match(await rendered(echoes, many), /more work than one reply may cost/);
  const wide = exchange("y".repeat(150_000));
  assert.match(
    await rendered("{{request.body}}".repeat(100), wide),
    /expected at most 8388608 characters of output/,
  );
});

test("template: an abort or a cut body is not turned into a reply", async () => {
  const { answer } = mock({ body: { kind: "text", text: "{{request.body}}" } });
  const body = { ...bodyOf(text("x")), read: async () => Promise.reject(new Error("client left")) };
  await assert.rejects(answer(call({ body })), /client left/);
});
