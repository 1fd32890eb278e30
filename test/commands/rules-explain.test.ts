// `understudy rules explain`, as a person runs it.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { explainIn } from "./explained.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-explain-"));
after(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string) => writeFileSync(join(folder, name), text);
file(
  "rules.yaml",
  `version: 1
rules:
  - name: declined-charge
    matches:
      - host: payments.shop.svc
        method: POST
        headers: {x-tenant: qa}
        body:
          matchesJsonPath: {expression: $.amount, greaterThan: 1000}
    respond: {status: 402}
  - name: slow-search
    matches: [{host: search.shop.svc}]
    scope: {percentage: 10}
    fault: {delay: 80ms}
  - name: database
    matches: [{destination: 10.0.0.0/8, direction: outbound}]
    fault: {delay: 80ms}
`,
);
file(
  "bad.yaml",
  'version: 1\nrules:\n  - name: r\n    matches:\n      - path: {regex: "(?=a)"}\n    respond: {status: 200}\n',
);
file(
  "chat.yaml",
  `version: 1
rules:
  - name: censored
    matches: [{websocket: {path: /chat, direction: toUpstream}, message: {contains: secret}}]
    patch: {websocket: {replace: "***"}}
  - name: counted
    matches: [{websocket: {path: /chat}}]
    fault: {websocket: {closeCode: 1013, afterMessages: 3}}
  - name: news
    matches: [{websocket: {path: /chat}}]
    scope: {percentage: 5}
    patch: {websocket: {inject: [{send: hello}]}}
  - name: elsewhere
    matches: [{websocket: {path: /other}, message: {contains: secret}}]
    fault: {websocket: {cut: true}}
`,
);
file(
  "spoken.yaml",
  `version: 1
rules:
  - name: user
    matches:
      - graphql: {operation: GetUser, type: query, field: user}
        variables: {matchesJsonPath: {expression: $.id, equalTo: "7"}}
    respond: {graphql: {data: {user: null}}}
  - name: greet
    matches: [{grpc: {service: demo.Greeter, method: SayHello}, metadata: {x-t: a}}]
    respond: {grpc: {status: UNAVAILABLE}}
  - name: chat
    matches: [{websocket: {path: /chat}}]
    fault: {websocket: {cut: true}}
`,
);
file("body.json", '{"amount": 2000}');

const explain = (...args: string[]) => explainIn(folder, args);

const charge = ["rules.yaml", "--request", "POST http://payments.shop.svc/v1/charges"];

test("names the rule that claims, and where it stands", async () => {
  for (const data of ['{"amount": 2000}', "@body.json"]) {
    const { code, out } = await explain(...charge, "-H", "X-Tenant: qa", "-d", data);
    assert.deepEqual(
      [code, out],
      [
        0,
        "Understood as content-type: application/json, since the body is JSON and no other is given\n" +
          "declined-charge (rules.yaml:3) claims it: matches[0] holds\n",
      ],
    );
  }
});

test("a request for a tunnel is about no rule that does not name the method", async () => {
  const { code, out } = await explain("rules.yaml", "--request", "CONNECT search.shop.svc:443");
  assert.equal(code, 1);
  assert.match(
    out,
    /slow-search .*: 1 of 2 keys hold\n {4}matches\[0\]\.method: expected "CONNECT" named in the rule, got a request for a tunnel/,
  );
});

test("names the closest misses and the first key on which each failed", async () => {
  const { code, out } = await explain(...charge, "-H", "x-tenant: dev", "-d", '{"amount": 2000}');
  assert.equal(code, 1);
  assert.equal(
    out,
    `Understood as content-type: application/json, since the body is JSON and no other is given
No rule claims it: the call is relayed as it is.

Closest misses:
  declined-charge (rules.yaml:3): 3 of 4 keys hold
    matches[0].headers.x-tenant: expected "qa", got "dev"
  database (rules.yaml:15): 1 of 2 keys hold
    matches[0].destination: expected 10.0.0.0/8, got payments.shop.svc:80
  slow-search (rules.yaml:11): 0 of 1 keys hold
    matches[0].host: expected "search.shop.svc", got "payments.shop.svc"
`,
  );
});

test("tells a share as a share of such calls, whatever the draw", async () => {
  const { code, out } = await explain("rules.yaml", "--request", "http://search.shop.svc/");
  assert.equal(code, 0);
  assert.match(out, /^slow-search \(rules\.yaml:11\) would claim 10 % of such calls: matches\[0\] holds\n/);
  assert.match(out, /\nNo rule claims the others: they are relayed as they are\.\n/);
  assert.doesNotMatch(out, /scope\.percentage/);
});

test("the connection can be described too", async () => {
  const request = ["rules.yaml", "--request", "http://db.svc/", "--destination", "10.1.1.1:5432"];
  assert.equal((await explain(...request)).code, 0);
  const inbound = await explain(...request, "--direction", "inbound");
  assert.equal(inbound.code, 1);
  assert.match(inbound.out, /matches\[0\]\.direction: expected outbound, got inbound/);
});

test("rules on messages of a WebSocket claim no call; they are told beside it", async () => {
  const asked = ["chat.yaml", "--request", "ws://a/chat"];
  const { code, out } = await explain(...asked);
  assert.equal(code, 0);
  assert.match(out, /^No rule claims it: the call is relayed as it is\.$/m);
  assert.match(out, /^censored \(.*\) looks into messages of this WebSocket that the client sends$/m);
  assert.match(out, /^counted \(.*\) acts on messages of this WebSocket$/m);
  assert.match(
    out,
    /^news \(.*\) takes part in the conversation of this WebSocket, of 5 % of such connections$/m,
  );
  assert.match(out, /elsewhere .*: 1 of 2 keys hold/);
  assert.doesNotMatch(out, /this message/);

  const secret = await explain(...asked, "--message", "a secret");
  assert.match(secret.out, /censored .*\n +this message: it would act on it, as one that the client sends\n/);
  assert.match(secret.out, /counted .*\n +this message: it would act on it, as one that the client gets\n/);
  const other = await explain(...asked, "-m", "nothing", "--json");
  const { messages } = JSON.parse(other.out) as { messages: { rule: string; items: { acts: boolean }[] }[] };
  assert.deepEqual(
    messages.map(({ rule, items }) => [rule, items.map(({ acts }) => acts)]),
    [
      ["censored", [false]],
      ["counted", [true]],
      ["news", [true]],
    ],
  );
  assert.equal((await explain("chat.yaml", "--request", "ws://a/none", "-m", "secret")).code, 1);
});

test("misses of dialects are told in the words of the rule, not in those of HTTP below", async () => {
  const asked = async (...args: readonly string[]) => (await explain("spoken.yaml", ...args)).out;
  const json = ["-H", "content-type: application/json"];
  const body = '{"query":"query GetUser($id:ID){user(id:$id){id}}","variables":{"id":"8"}}';
  assert.match(
    await asked("--request", "POST http://a/graphql", ...json, "-d", body),
    /matches\[0\]\.graphql: expected query, operation "GetUser", field user, variables matchesJsonPath \$\.id equalTo "7", got query GetUser, variables \{"id":"8"\}\n/,
  );
  assert.match(
    await asked("--request", "POST http://a/b", "-d", "hello"),
    /matches\[0\]\.graphql: expected a POST of JSON, or a GET with a query, got POST without content-type\n/,
  );
  const grpc = ["--request", "POST http://a/demo.Greeter/SayHello", "-H", "content-type: application/grpc"];
  assert.match(await asked(...grpc), /matches\[0\]\.metadata\.x-t: expected "a", got absent\n/);
  assert.match(
    await asked("--request", "ws://a/chit"),
    /matches\[0\]\.websocket\.path: expected "\/chat", got "\/chit"\n/,
  );
});

test("--json prints the same for machines", async () => {
  const { code, out } = await explain(...charge, "-H", "x-tenant: dev", "-d", "{}", "--json");
  assert.equal(code, 1);
  const { claims, misses } = JSON.parse(out);
  assert.deepEqual(claims, []);
  assert.deepEqual(misses[0].rule, "database");
  const claimed = JSON.parse(
    (await explain("rules.yaml", "--request", "http://search.shop.svc/", "--json")).out,
  );
  assert.deepEqual(claimed.claims, [
    { rule: "slow-search", origin: "rules.yaml:11", matchIndex: 0, percentage: 10 },
  ]);
});

test("bad rules are told with file, line and key", async () => {
  const compiled = await explain("bad.yaml", "--request", "http://a/");
  assert.equal(compiled.code, 65);
  assert.match(compiled.err, /^bad\.yaml:5: rules\[0\]\.matches\[0\]\.path.*: expected a regular expression/);
  const missing = await explain("none.yaml", "--request", "http://a/");
  assert.equal(missing.code, 65);
  assert.match(missing.err, /^none\.yaml: /);
});

test("a command line that is not understood is refused with what was expected", async () => {
  const request = ["--request", "http://a/"];
  const rows: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /expected one file or folder of rules, got 0/],
    [["a", "GET", "http://a/b"], /expected the call in one word, as in --request 'GET http:\/\/a\/b'/],
    [["a", "http://a/b", "--request", "POST"], /as in --request 'POST http:\/\/a\/b'/],
    [
      ["rules.yaml", "--request", "ws://a/", "-d", "x"],
      /--data: a request for a WebSocket has no body; --message/,
    ],
    [["rules.yaml", ...request, "-m", "x"], /--message: expected a WebSocket, ws:\/\/host\/path, got "http/],
    [["rules.yaml", "--request", "CONNECT http://a/"], /--request: expected 'CONNECT HOST:PORT', got/],
    [["rules.yaml", "--request", "GET grpc://a/b/c"], /--request: expected POST, with which gRPC is spoken/],
    [["a", "b", ...request], /expected one file or folder of rules, got 2/],
    [
      ["rules.yaml", "--request", "GET http://a:65536/"],
      /--request: expected a port up to 65535, got 65536$/,
    ],
    [["rules.yaml"], /--request: expected a call such as/],
    [
      ["rules.yaml", "--request", "GET /x"],
      /--request: expected '\[METHOD\] URL' with http:\/\/, .* or grpc:\/\/, got "GET \/x"/,
    ],
    [["rules.yaml", "--request", "POST ws://a/"], /--request: expected GET, with which a WebSocket is asked/],
    [["rules.yaml", "--request", "G T http://a/"], /got "G T http:\/\/a\/"/],
    [["rules.yaml", ...request, "-H", "x"], /--header: expected 'NAME: VALUE', got "x"/],
    [["rules.yaml", ...request, "--direction", "up"], /--direction: expected inbound or outbound, got "up"/],
    [["rules.yaml", ...request, "--destination", "x"], /--destination: expected an address/],
    [["rules.yaml", ...request, "-d", "@none"], /--data: expected a file that can be read: ENOENT/],
    [["rules.yaml", ...request, "--nope"], /^--nope: no such flag of understudy rules explain; see/],
  ];
  for (const [args, expected] of rows) {
    await assert.rejects(explain(...args), (error: Error & { code?: string }) => {
      assert.equal(error.code, "usage");
      assert.match(error.message, expected);
      return true;
    });
  }
});
