// Conditions on host, destination, method, path, headers, query and cookies: one table each.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MatchSpec, PathMatch, TextMatch } from "../../../src/core/rule.ts";
import type { DescribedRequest } from "../../../src/proxy/match/request-head.ts";
import { compiled, decided, holds, outbound, problemsOf, ruleOf } from "./described.ts";

type Row<T> = readonly [T, request: DescribedRequest, expected: boolean];

function table<T>(rows: readonly Row<T>[], matchOf: (value: T) => MatchSpec): void {
  for (const [value, request, expected] of rows) {
    assert.equal(holds(matchOf(value), request), expected, JSON.stringify([value, request]));
  }
}

const exact = (value: string): TextMatch => ({ op: "exact", value });
const op = (name: Exclude<TextMatch["op"], "absent">, value: string): TextMatch => ({ op: name, value });
const absent: TextMatch = { op: "absent" };
const to = (authority: string, scheme: "http" | "https" = "http"): DescribedRequest => ({
  authority,
  path: "/",
  scheme,
});
const path = (text: string): DescribedRequest => ({ authority: "a", path: text });
const withHeaders = (...headers: (readonly [string, string])[]): DescribedRequest => ({
  authority: "a",
  path: "/",
  headers,
});

test("host: a name of another script is the one that goes over the wire", () => {
  const wire = "xn--bcher-kva.test";
  table<TextMatch>(
    [
      [exact("b\u00fccher.test"), to(wire), true],
      [exact("B\u00dcCHER.Test."), to(`${wire}:8080`), true],
      [exact("b\u00fccher.test:81"), to(`${wire}:81`), true],
      [exact("b\u00fccher.test:81"), to(wire), false],
      [exact(wire), { url: "http://B\u00fccher.test/" }, true],
      [exact("a.\u043f\u0440\u0438\u043c\u0435\u0440:81"), to("a.xn--e1afmkfd:81"), true],
      [op("suffix", ".b\u00fccher.test"), to(`shop.${wire}`), true],
      [op("suffix", ".b\u00fccher.test"), to("shop.bucher.test"), false],
      [op("prefix", "b\u00fccher."), to(wire), true],
      [op("contains", "\u00ad"), to("a"), false],
    ],
    (host) => ({ host }),
  );
});

test("host: compared without case and root dot; the port counts only where the rule names one", () => {
  table<TextMatch>(
    [
      [exact("pay.svc"), to("pay.svc"), true],
      [exact("pay.svc"), to("PAY.svc.:8080"), true],
      [exact("Pay.SVC."), to("pay.svc"), true],
      [exact("pay.svc"), to("pay.svc.evil"), false],
      [exact("pay.svc"), to(""), false],
      [exact("pay.svc:8080"), to("pay.svc:8080"), true],
      [exact("pay.svc:8080"), to("pay.svc"), false],
      [exact("pay.svc:80"), to("pay.svc"), true],
      [exact("pay.svc:80"), to("pay.svc", "https"), false],
      [exact("pay.svc:443"), to("pay.svc", "https"), true],
      [exact("[::1]:80"), to("[::1]"), true],
      [exact("::1"), to("[::1]:9"), true],
      [exact("10.0.0.1"), to("10.0.0.1:81"), true],
      [op("suffix", ".svc"), to("a.b.SVC:1"), true],
      [op("suffix", ".svc"), to("svc"), false],
      [op("suffix", ".svc:81"), to("a.svc:81"), true],
      [op("suffix", ".svc:80"), to("a.svc"), true],
      [op("suffix", ".svc:80"), to("a.svc:81"), false],
      [op("prefix", "PAY."), to("pay.svc"), true],
      [op("contains", "shop"), to("a.shop.svc:1"), true],
      [op("contains", ""), to(""), false],
      [op("regex", "[A-Z]+\\.svc"), to("pay.svc:8080"), true],
      [op("regex", "pay"), to("pay.svc"), false],
      [op("regex", "(?:pay|buy)\\.svc"), to("buy.svc:1"), true],
      [op("regex", "pay\\.svc:(80|81)"), to("pay.svc"), true],
      [op("regex", "pay\\.svc:(80|81)"), to("pay.svc:82"), false],
      [absent, to(""), true],
      [absent, to("a"), false],
    ],
    (host) => ({ host }),
  );
});

test("path: its query never counts; regexes match the whole; {name} is one segment that is not empty", () => {
  table<PathMatch>(
    [
      [exact("/v1"), path("/v1?x=1"), true],
      [exact("/v1"), path("/v1/"), false],
      [exact("/%41"), path("/A"), false],
      [op("prefix", "/v1"), path("/v1x"), true],
      [op("prefix", "/v1/charges"), path("/v1/?/charges"), false],
      [op("suffix", ".json"), path("/a.json?b=.xml"), true],
      [op("contains", "b"), path("/a?b"), false],
      [op("regex", "/v[0-9]+"), path("/v12?q"), true],
      [op("regex", "/v[0-9]"), path("/v12"), false],
      [op("regex", "^/v1$"), path("/v1"), true],
      [op("regex", "/v1a?"), path("/v1"), true],
      [op("regex", "/a|/b"), path("/b"), true],
      [op("regex", "/a\\.b"), path("/a.b"), true],
      [op("regex", "/a\\.b"), path("/axb"), false],
      [op("regex", "/a{2}"), path("/aa"), true],
      [exact("*"), path("*"), true],
      [{ op: "template", value: "/users/{id}" }, path("/users/1?x=/y"), true],
      [{ op: "template", value: "/users/{id}" }, path("/users/"), false],
      [{ op: "template", value: "/users/{id}" }, path("/users"), false],
      [{ op: "template", value: "/users/{id}" }, path("/users/1/"), false],
      [{ op: "template", value: "/users/{id}/pets" }, path("/users/1/pets"), true],
      [{ op: "template", value: "/users/{id}/pets" }, path("/users/1/2/pets"), false],
      [{ op: "template", value: "/{a}/{b}" }, path("*"), false],
      [{ op: "template", value: "/" }, path("/"), true],
    ],
    (value) => ({ path: value }),
  );
});

test("method: exact and with case", () => {
  const at = (method: string): DescribedRequest => ({ method, authority: "a", path: "/" });
  table<TextMatch>(
    [
      [exact("POST"), at("POST"), true],
      [exact("POST"), at("post"), false],
      [op("regex", "P(OST|UT)"), at("PUT"), true],
      [op("regex", "P"), at("PUT"), false],
    ],
    (method) => ({ method }),
  );
});

test("headers: any case of the name; the joined value or any line of a repeated field", () => {
  table<TextMatch>(
    [
      [exact("qa"), withHeaders(["X-Tenant", "qa"]), true],
      [exact("qa"), withHeaders(["x-tenant", "QA"]), false],
      [exact("qa"), withHeaders(["x-tenant", "dev"], ["X-TENANT", "qa"]), true],
      [exact("dev, qa"), withHeaders(["x-tenant", "dev"], ["x-tenant", "qa"]), true],
      [op("regex", "q."), withHeaders(["x-tenant", "dev"], ["x-tenant", "qa"]), true],
      [exact("qa"), withHeaders(["x-tenant", "dev, qa"]), false],
      [absent, withHeaders(["x-other", ""]), true],
      [absent, withHeaders(["x-tenant", ""]), false],
      [exact(""), withHeaders(["x-tenant", ""]), true],
      [exact(""), withHeaders(), false],
      [op("prefix", ""), withHeaders(), false],
      [op("suffix", "a"), withHeaders(["x-tenant", "qa"]), true],
      [op("contains", "x"), withHeaders(["x-tenant", "qa"]), false],
    ],
    (match) => ({ headers: [{ name: "x-tenant", match }] }),
  );
});

test("query: decoded as forms are; any value of a repeated parameter", () => {
  table<TextMatch>(
    [
      [exact("usd"), path("/?currency=usd"), true],
      [exact("usd"), path("/?currency=eur&currency=usd"), true],
      [exact("a b&c"), path("/?currency=a+b%26c"), true],
      [exact("é"), path("/?currency=%C3%A9"), true],
      [exact("usd"), path("/?c%75rrency=usd"), true],
      [exact(""), path("/?currency"), true],
      [exact("usd"), path("/"), false],
      [absent, path("/?other=1"), true],
      [absent, path("/?currency=1"), false],
      [op("regex", "[a-z]{3}"), path("/?currency=usd"), true],
    ],
    (match) => ({ query: [{ name: "currency", match }] }),
  );
});

test("cookies: names with case, quotes taken off, several Cookie lines kept apart", () => {
  table<TextMatch>(
    [
      [exact("1"), withHeaders(["Cookie", "a=2; session=1"]), true],
      [exact("1"), withHeaders(["Cookie", 'session="1"; a=2']), true],
      [exact("1"), withHeaders(["Cookie", "Session=1"]), false],
      [exact("1"), withHeaders(["Cookie", "session=1"], ["Cookie", "a=2"]), true],
      [exact("2"), withHeaders(["Cookie", "session=1; session=2"]), true],
      [absent, withHeaders(["Cookie", "a=2"]), true],
      [absent, withHeaders(), true],
    ],
    (match) => ({ cookies: [{ name: "session", match }] }),
  );
});

test("destination: blocks of both families, mapped addresses, ports, and the request's own target behind a proxy", () => {
  type Dialled = { host: string; port: number } | null;
  const rows: readonly (readonly [cidr: string | null, port: number | null, Dialled, boolean])[] = [
    ["10.0.0.0/8", null, { host: "10.255.0.1", port: 1 }, true],
    ["10.0.0.0/8", null, { host: "11.0.0.1", port: 1 }, false],
    ["10.0.0.0/8", null, { host: "::ffff:10.1.2.3", port: 1 }, true],
    ["::ffff:10.0.0.0/104", null, { host: "10.1.2.3", port: 1 }, true],
    ["10.1.2.3", 443, { host: "10.1.2.3", port: 443 }, true],
    ["10.1.2.3", 443, { host: "10.1.2.3", port: 80 }, false],
    ["0.0.0.0/0", null, { host: "1.2.3.4", port: 1 }, true],
    ["0.0.0.0/0", null, { host: "::1", port: 1 }, false],
    ["fd00::/8", null, { host: "fd12:3456::1", port: 1 }, true],
    ["fd00::/8", null, { host: "fe80::1%eth0", port: 1 }, false],
    ["2001:db8::1", null, { host: "2001:0db8:0:0:0:0:0:1", port: 1 }, true],
    ["2001:db8::/33", null, { host: "2001:db8:8000::1", port: 1 }, false],
    [null, 5432, { host: "db", port: 5432 }, true],
    [null, 5432, { host: "db", port: 1 }, false],
    ["10.0.0.0/8", 80, null, true],
    ["10.0.0.0/8", 81, null, false],
  ];
  for (const [cidr, port, originalDestination, expected] of rows) {
    const rules = compiled([ruleOf("it", [{ destination: { cidr, hostname: null, port } }])]);
    const claimed = decided(rules, to("10.9.9.9"), { ...outbound, originalDestination });
    assert.equal(claimed === "it", expected, JSON.stringify([cidr, port, originalDestination]));
  }
});

test("destination: a host name is compared with what an explicit proxy was asked for", () => {
  const rules = compiled([ruleOf("it", [{ destination: { cidr: null, hostname: "DB.svc", port: 80 } }])]);
  const proxied = { ...outbound, originalDestination: null };
  assert.equal(decided(rules, to("db.svc"), proxied), "it");
  assert.equal(decided(rules, to("db.svc:81"), proxied), null);
  assert.equal(decided(rules, to(""), proxied), null);
  assert.equal(decided(rules, to("db.svc")), null);
});

test("direction: as the connection is seen from the service", () => {
  const rules = compiled([ruleOf("it", [{ direction: "inbound" }])]);
  assert.equal(decided(rules, to("a")), null);
  assert.equal(decided(rules, to("a"), { ...outbound, direction: "inbound" }), "it");
});

test("keys of one match are ANDed, matches are ORed, and none at all claims every call", () => {
  const both: MatchSpec = { host: exact("a"), path: exact("/x") };
  assert.equal(holds(both, path("/x")), true);
  assert.equal(holds(both, path("/y")), false);
  const either = compiled([ruleOf("it", [{ path: exact("/x") }, { path: exact("/y") }])]);
  assert.equal(decided(either, path("/y")), "it");
  assert.equal(decided(compiled([ruleOf("it", [])]), path("/z")), "it");
});

test("what can never match is refused, with its place", () => {
  const of = (match: MatchSpec) => problemsOf([ruleOf("r", [{}, match])]);
  const query = (value: string) =>
    `expected a path without query (there is the key query for it), got ${value}`;
  assert.deepEqual(of({ path: exact("/a?b=1") }), [`r matches[1].path: ${query('"/a?b=1"')}`]);
  assert.deepEqual(of({ path: absent }), ["r matches[1].path: expected a path; every request has one"]);
  assert.match(of({ host: exact("http://a") })[0] ?? "", /^r matches\[1\]\.host: expected a host such as/);
  assert.match(of({ path: { op: "template", value: "users/{id}" } })[0] ?? "", /it does not begin with \/$/);
  assert.match(of({ path: { op: "template", value: "/a/{id}.json" } })[0] ?? "", /one whole segment$/);
  for (const cidr of ["10.0.0.0/33", "10.0.0.0/", "::ffff:10.0.0.0/90", "db"]) {
    const [problem = ""] = of({ destination: { cidr, hostname: null, port: null } });
    assert.equal(problem, `r matches[1].destination: expected a block such as 10.0.0.0/8, got "${cidr}"`);
  }
});
