// Every shorthand of the format, and what it is spelled out to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDestination } from "../../../src/control/rules/schema/destination.ts";
import { ruleOf } from "./written.ts";

test("a rule that names nothing else claims every call, always, at priority 100", () => {
  assert.deepEqual(ruleOf("respond: {}"), {
    name: "a",
    priority: 100,
    matches: [],
    scope: {
      percentage: 100,
      decideBy: { by: "request" },
      expiresAtMs: null,
      ttlMs: null,
      headers: [],
      baggage: [],
      maxActive: null,
    },
    state: null,
    respond: {
      kind: "reply",
      reply: {
        status: 200,
        reason: "",
        headers: [],
        body: { kind: "none" },
        template: false,
        trailers: [],
        delay: null,
      },
    },
    fault: null,
    patch: null,
    origin: "/etc/rules/r.yaml:3",
  });
});

test("selection: bare text is exact, header names are lowered, bare integers and booleans are text", () => {
  const { matches } = ruleOf(
    "matches:",
    "  - host: api.shop",
    "    destination: 10.0.0.0/8",
    "    direction: outbound",
    "    method: {regex: GET|HEAD}",
    '    path: {template: "/users/{id}"}',
    "    query: {page: 2, q: {absent: true}}",
    "    headers: {X-Debug: true, x-a: {suffix: z}}",
    "    cookies: {Sid: {contains: b}}",
    "    expr: request.method == 'GET'",
    "respond: {}",
  );
  assert.deepEqual(matches, [
    {
      host: { op: "exact", value: "api.shop" },
      destination: { cidr: "10.0.0.0/8", hostname: null, port: null },
      direction: "outbound",
      method: { op: "regex", value: "GET|HEAD" },
      path: { op: "template", value: "/users/{id}" },
      query: [
        { name: "page", match: { op: "exact", value: "2" } },
        { name: "q", match: { op: "absent" } },
      ],
      headers: [
        { name: "x-debug", match: { op: "exact", value: "true" } },
        { name: "x-a", match: { op: "suffix", value: "z" } },
      ],
      cookies: [{ name: "Sid", match: { op: "contains", value: "b" } }],
      expr: "request.method == 'GET'",
    },
  ]);
});

const destinations = {
  "10.1.2.3:443": { cidr: "10.1.2.3/32", hostname: null, port: 443 },
  "10.1.2.3": { cidr: "10.1.2.3/32", hostname: null, port: null },
  "10.0.0.0/8": { cidr: "10.0.0.0/8", hostname: null, port: null },
  "10.0.0.0/8:80": { cidr: "10.0.0.0/8", hostname: null, port: 80 },
  ":5432": { cidr: null, hostname: null, port: 5432 },
  "[::1]:80": { cidr: "::1/128", hostname: null, port: 80 },
  "::1": { cidr: "::1/128", hostname: null, port: null },
  "fd00::/8": { cidr: "fd00::/8", hostname: null, port: null },
  "[fd00::/8]:443": { cidr: "fd00::/8", hostname: null, port: 443 },
  "DB.local:5432": { cidr: null, hostname: "db.local", port: 5432 },
  "db.local": { cidr: null, hostname: "db.local", port: null },
};
for (const [written, expected] of Object.entries(destinations))
  test(`destination ${written}`, () => assert.deepEqual(parseDestination(written), expected));

const notDestinations = [
  "",
  ":",
  ":0",
  ":65536",
  "1.2.3",
  "10.0.0.0/33",
  "::1/129",
  "[10.0.0.1]:80",
  "a b",
  "a..b",
];
for (const written of [
  ...notDestinations,
  "fe80::1%eth0",
  "http://a",
  "a/8",
  "-a",
  "10.0.0.0/8/8",
  "[::1",
  ":80x",
])
  test(`not a destination: ${JSON.stringify(written)}`, () =>
    assert.equal(parseDestination(written), undefined));

const bodies: readonly (readonly [written: string, expected: unknown])[] = [
  ['{equalTo: ""}', { op: "equalTo", value: "" }],
  [
    "[{contains: a}, {matches: b}]",
    {
      op: "and",
      of: [
        { op: "contains", value: "a" },
        { op: "matches", value: "b" },
      ],
    },
  ],
  ["{and: [{contains: a}]}", { op: "and", of: [{ op: "contains", value: "a" }] }],
  ["{or: [{contains: a}]}", { op: "or", of: [{ op: "contains", value: "a" }] }],
  ["{not: [{contains: a}]}", { op: "not", of: { op: "and", of: [{ op: "contains", value: "a" }] } }],
  [
    "{equalToJson: {a: [1]}, ignoreArrayOrder: true}",
    { op: "equalToJson", value: { a: [1] }, ignoreArrayOrder: true, ignoreExtraElements: false },
  ],
  [
    "{equalToJson: null}",
    { op: "equalToJson", value: null, ignoreArrayOrder: false, ignoreExtraElements: false },
  ],
  ["{matchesJsonPath: $.a}", { op: "matchesJsonPath", expression: "$.a", test: null }],
  ["{matchesJsonPath: {expression: $.a}}", { op: "matchesJsonPath", expression: "$.a", test: null }],
  ["{matchesJsonSchema: {type: object}}", { op: "matchesJsonSchema", schema: { type: "object" } }],
  ...(
    [
      ["equalTo: null", { op: "equalTo", value: null }],
      ["contains: x", { op: "contains", value: "x" }],
      ["matches: x", { op: "matches", value: "x" }],
      ["greaterThan: 1", { op: "greaterThan", value: 1 }],
      ["lessThanOrEqual: 1.5", { op: "lessThanOrEqual", value: 1.5 }],
      ["absent: true", { op: "absent" }],
      [
        "equalToJson: [1], ignoreExtraElements: true",
        { op: "equalToJson", value: [1], ignoreArrayOrder: false, ignoreExtraElements: true },
      ],
    ] as const
  ).map(
    ([written, check]) =>
      [
        `{matchesJsonPath: {expression: $.a, ${written}}}`,
        { op: "matchesJsonPath", expression: "$.a", test: check },
      ] as const,
  ),
];
for (const [written, expected] of bodies)
  test(`body ${written}`, () =>
    assert.deepEqual(ruleOf(`matches: [{body: ${written}}]`, "respond: {}").matches[0]?.body, expected));

test("scope: times are milliseconds, decideBy names a header in lower case", () => {
  const { scope } = ruleOf(
    "scope: {percentage: 0.5, decideBy: 'header:X-User', ttl: 1h30m, maxActive: 3, baggage: {who: alice}, headers: {X-A: b}}",
    "respond: {}",
  );
  assert.deepEqual(scope, {
    percentage: 0.5,
    decideBy: { by: "header", name: "x-user" },
    expiresAtMs: null,
    ttlMs: 5_400_000,
    headers: [{ name: "x-a", match: { op: "exact", value: "b" } }],
    baggage: [{ name: "who", match: { op: "exact", value: "alice" } }],
    maxActive: 3,
  });
  const dated = ruleOf("scope: {expiresAt: '2026-01-31T12:00:00+01:00', decideBy: trace}", "respond: {}");
  assert.equal(dated.scope.expiresAtMs, Date.UTC(2026, 0, 31, 11));
  assert.deepEqual(dated.scope.decideBy, { by: "trace" });
});

test("respond: bodies of each kind, header lists, files seen from the folder of the rules", () => {
  const replies = [
    ["respond: {body: ''}", { kind: "text", text: "" }],
    ["respond: {json: null}", { kind: "json", value: null }],
    ["respond: {base64: aGk=}", { kind: "base64", bytes: new Uint8Array([104, 105]) }],
    ["respond: {file: bodies/a.json}", { kind: "file", path: "/etc/rules/bodies/a.json" }],
    ["respond: {file: /srv/a.json}", { kind: "file", path: "/srv/a.json" }],
  ] as const;
  for (const [written, body] of replies) {
    const { respond } = ruleOf(written);
    assert.deepEqual(respond?.kind === "reply" && respond.reply.body, body);
  }
  const { respond } = ruleOf(
    "respond: {headers: {Set-Cookie: [a=1, b=2], Retry-After: 5}, trailers: {X-Sum: ok}, body: '{{a}}', template: true, delay: 5ms, reason: Fine}",
  );
  assert.ok(respond?.kind === "reply");
  assert.deepEqual(respond.reply, {
    status: 200,
    reason: "Fine",
    headers: [
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["Retry-After", "5"],
    ],
    body: { kind: "text", text: "{{a}}" },
    template: true,
    trailers: [["X-Sum", "ok"]],
    delay: { type: "fixed", ms: 5 },
  });
});

test("respond: cycle and random, with files and weights in them", () => {
  const { respond: cycle } = ruleOf("respond: {cycle: [{file: a}, {status: 503}]}");
  assert.ok(cycle?.kind === "cycle");
  assert.deepEqual(
    cycle.replies.map((reply) => [reply.status, reply.body]),
    [
      [200, { kind: "file", path: "/etc/rules/a" }],
      [503, { kind: "none" }],
    ],
  );
  const { respond: random } = ruleOf("respond: {random: [{weight: 2.5, file: a}, {status: 503}]}");
  assert.ok(random?.kind === "random");
  assert.deepEqual(
    random.choices.map((choice) => [choice.weight, choice.reply.body.kind]),
    [
      [2.5, "file"],
      [1, "none"],
    ],
  );
});

const delays: readonly (readonly [written: string, expected: unknown])[] = [
  ["1h30m", undefined],
  ["1m0.5s", { type: "fixed", ms: 60_500 }],
  ["{distribution: {type: uniform, min: 1ms, max: 1s}}", { type: "uniform", minMs: 1, maxMs: 1_000 }],
  [
    "{distribution: {type: normal, mean: 1s, stddev: 10ms}}",
    { type: "normal", meanMs: 1_000, stddevMs: 10, maxMs: null },
  ],
  [
    "{distribution: {type: lognormal, median: 80ms, sigma: 0.4, max: 2s}}",
    { type: "lognormal", medianMs: 80, sigma: 0.4, maxMs: 2_000 },
  ],
  [
    "{distribution: {type: histogram, buckets: [{weight: 1, min: 0ms, max: 5ms}]}}",
    { type: "histogram", buckets: [{ weight: 1, minMs: 0, maxMs: 5 }] },
  ],
];
for (const [written, expected] of delays)
  test(`delay ${written}`, () =>
    assert.deepEqual(
      ruleOf(`fault: {delay: ${written}}`).fault?.delay,
      expected ?? { type: "fixed", ms: 5_400_000 },
    ));

test("fault: shorthands of abort, throttle, slice, truncate, corrupt", () => {
  const fault = (written: string) => ruleOf(`fault: {${written}}`).fault;
  assert.deepEqual(fault("abort: reset")?.abort, { kind: "reset" });
  assert.deepEqual(fault("abort: {hang: true}")?.abort, { kind: "hang" });
  assert.deepEqual(fault("abort: {httpStatus: 503}")?.abort, { kind: "httpStatus", status: 503 });
  assert.deepEqual(fault("throttle: 64KiB/s")?.throttle, {
    upBytesPerSecond: 65_536,
    downBytesPerSecond: 65_536,
  });
  assert.deepEqual(fault("throttle: {up: 1MB}")?.throttle, {
    upBytesPerSecond: 1_000_000,
    downBytesPerSecond: null,
  });
  assert.deepEqual(fault("throttle: {down: 100}")?.throttle, {
    upBytesPerSecond: null,
    downBytesPerSecond: 100,
  });
  assert.deepEqual(fault("slice: {bytes: 1KiB}")?.slice, { bytes: 1_024, delayMs: 0 });
  assert.deepEqual(fault("truncate: {afterBytes: 0}")?.truncate, { afterBytes: 0 });
  assert.deepEqual(fault("corrupt: {probability: 0.01}")?.corrupt, { probability: 0.01, seed: null });
});

test("patch: a mapping merges, a list is applied", () => {
  const { patch } = ruleOf(
    "patch:",
    "  request: {setHeaders: {X-A: b}, removeHeaders: [X-C], json: {a: null}}",
    "  response:",
    "    status: 201",
    "    json:",
    "      - {op: add, path: /a, value: null}",
    "      - {op: remove, path: /b~1c}",
    '      - {op: move, from: /d, path: ""}',
  );
  assert.deepEqual(patch, {
    request: {
      setHeaders: [["X-A", "b"]],
      removeHeaders: ["X-C"],
      json: { kind: "merge", value: { a: null } },
      body: null,
    },
    response: {
      status: 201,
      setHeaders: [],
      removeHeaders: [],
      body: null,
      json: {
        kind: "patch",
        operations: [
          { op: "add", path: "/a", value: null },
          { op: "remove", path: "/b~1c" },
          { op: "move", from: "/d", path: "" },
        ],
      },
    },
  });
  assert.equal(ruleOf("patch: {response: {body: new}}").patch?.request, null);
});

test("state: keys name a part of the call; becoming is enough to be a rule", () => {
  const state = (written: string) => ruleOf(`state: {name: cart, ${written}}`, "respond: {}").state;
  assert.deepEqual(state("key: 'header:X-Session', is: initial, becomes: full"), {
    name: "cart",
    key: { from: "header", name: "x-session" },
    is: "initial",
    becomes: "full",
  });
  assert.deepEqual(state("key: 'cookie:Sid', is: full")?.key, { from: "cookie", name: "Sid" });
  assert.deepEqual(state("key: 'query:user id', is: full")?.key, { from: "query", name: "user id" });
  assert.equal(ruleOf("state: {name: cart, becomes: full}").respond, null);
});
