// The JSON Schema on disk is the one that the validating schemas make, takes the documented examples, and refuses slips.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { rulesJsonSchema } from "../../../src/control/rules/json-schema.ts";
import { parseRules } from "../../../src/control/rules/parse.ts";

const onDisk: object = JSON.parse(
  readFileSync(new URL("../../../config/rules.schema.json", import.meta.url), "utf8"),
);
// Formats are left to the validator of rules; patterns say the same.
const validate = new Ajv({ strict: false, validateFormats: false }).compile(onDisk);

const supported = `# yaml-language-server: $schema=../config/rules.schema.json
version: 1
rules:
  - name: declined-charge              # unique; letters, digits, - and .
    priority: 10                       # smaller is tried first; default 100; ties keep the order of writing
    matches:                           # AND inside an item, OR across items; none at all = every call
      - host: payments.shop.svc        # a bare string is exact; or {suffix: .shop.svc} {regex: …}
        method: POST
        path: {prefix: /v1/charges}    # exact | prefix | regex | template (/users/{id})
        query: {currency: usd}
        headers: {x-tenant: qa, x-debug: {absent: true}}
        body:
          matchesJsonPath: {expression: $.amount, greaterThan: 1000}
    respond:
      status: 402
      headers: {content-type: application/json}
      json: {error: card_declined, charge: "{{request.json.id}}"}     # templated only with \`template: true\`
      template: true

  - name: slow-search
    matches: [{host: search.shop.svc}]
    scope:
      percentage: 10
      ttl: 30m
    fault:
      delay: {distribution: {type: lognormal, median: 80ms, sigma: 0.4, max: 2s}}

  - name: alice-only                   # only calls that carry alice's baggage, on every hop
    matches: [{host: inventory.shop.svc}]
    scope: {baggage: {understudy: alice}}
    respond: {json: {stock: 0}}
  - name: chat-drop
    matches: [{websocket: {path: /chat}}]
    scope: {percentage: 10}
    fault: {websocket: {closeCode: 1013, afterMessages: 3}}
  - name: plan-override                # real answer, one field changed
    matches: [{graphql: {operation: GetUser}}]
    patch: {graphql: {user.plan: enterprise}}
  - name: greet-tom
    matches:
      - grpc: {service: demo.Greeter, method: SayHello}
        message: {equalToJson: {name: Tom}, ignoreExtraElements: true}
    respond: {grpc: {status: OK, message: {text: "Hi Tom"}}}
`;

const later = `
  - name: from-the-shop
    matches: [{source: {name: shop}}]
    record: {cassette: shop}
`;

test("the schema on disk is up to date (npm run schema)", () => {
  assert.deepEqual(onDisk, JSON.parse(JSON.stringify(rulesJsonSchema())));
});

test("the documented examples validate, in the editor as in the program", () => {
  assert.deepEqual(parseRules(supported, "r.yaml").problems, []);
  assert.ok(validate(parse(supported)), JSON.stringify(validate.errors));
});

test("what is not supported yet is refused by both, every piece by name", () => {
  const { problems } = parseRules(supported + later, "r.yaml");
  assert.deepEqual(
    problems.map(({ path, message }) => `${path}: ${message}`),
    ["rules[6].matches[0].source: not supported yet", "rules[6].record: not supported yet"],
  );
  assert.equal(validate(parse(supported + later)), false);
});

const slips = [
  "{name: a b, respond: {}}",
  "{name: a, fault: {delay: fast}}",
  "{name: a, respond: {statu: 200}}",
];
for (const slip of [
  ...slips,
  "{name: a, respond: {status: 99}}",
  "{name: a, fault: {abort: {httpStatus: 5}}}",
])
  test(`an editor marks ${slip}`, () => assert.equal(validate(parse(`version: 1\nrules: [${slip}]`)), false));

test("every key has a description", () => {
  const silent: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [key, value] of Object.entries(node)) {
      if (key !== "properties" || typeof value !== "object" || value === null) visit(value, `${path}/${key}`);
      else
        for (const [name, property] of Object.entries(value)) {
          const described = /"(?:description|const)"/.test(JSON.stringify(property));
          if (!described) silent.push(`${path}/${name}`);
          visit(property, `${path}/${name}`);
        }
    }
  };
  visit(onDisk, "");
  assert.deepEqual(silent, []);
});
