// The readers of query, cookies and baggage, and the key that tells the sessions of a scenario apart.

import assert from "node:assert/strict";
import { test } from "node:test";
import { baggagePairs, baggageValue } from "../../src/core/baggage.ts";
import { cookiePairs, cookieValue } from "../../src/core/cookies.ts";
import type { RequestHead } from "../../src/core/exchange.ts";
import { type HeaderList, headerValue } from "../../src/core/headers.ts";
import { pathOf, queryPairs, queryValue } from "../../src/core/query.ts";
import type { StateSpec } from "../../src/core/rule.ts";
import { stateKeyOf } from "../../src/core/state-key.ts";

function head(path: string, headers: HeaderList = []): RequestHead {
  return {
    method: "GET",
    scheme: "http",
    authority: "a",
    path,
    headers,
    header: (name) => headerValue(headers, name),
  };
}

test("query: reads the first value of a name, form-decoded", () => {
  const rows: readonly (readonly [string, string, string | undefined])[] = [
    ["/a", "b", undefined],
    ["/a?", "b", undefined],
    ["/a?b", "b", ""],
    ["/a?b=", "b", ""],
    ["/a?b=1", "b", "1"],
    ["/a?b=1&b=2", "b", "1"],
    ["/a?x=b&b=2", "b", "2"],
    ["/a?x&b=2", "b", "2"],
    ["/a?&&b=2&", "b", "2"],
    ["/a?b=c=d", "b", "c=d"],
    ["/a?a%20b=x+y%21", "a b", "x y!"],
    ["/a?b=%zz", "b", "%zz"],
    ["/a?B=1", "b", undefined],
    ["/a?=1", "", "1"],
  ];
  for (const [target, name, expected] of rows) {
    assert.equal(queryValue(target, name), expected, `${target} ${name}`);
    assert.equal(queryPairs(target).find(([key]) => key === name)?.[1], expected, `pairs of ${target}`);
  }
});

test("query: the path ends where the query begins", () => {
  assert.equal(pathOf("/a/b?c=1?d"), "/a/b");
  assert.equal(pathOf("/a/b"), "/a/b");
  assert.equal(pathOf("*"), "*");
});

test("cookies: reads names and values as RFC 6265 writes them", () => {
  assert.deepEqual(cookiePairs('sid=abc; theme="dark"; broken; =x; k=v=w'), [
    ["sid", "abc"],
    ["theme", "dark"],
    ["k", "v=w"],
  ]);
  assert.deepEqual(cookiePairs(undefined), []);
  assert.equal(cookieValue("a=1; b=2", "b"), "2");
  assert.equal(cookieValue("ab=1", "b"), undefined);
  assert.equal(cookieValue(undefined, "b"), undefined);
});

test("baggage: reads entries, without their properties", () => {
  assert.deepEqual(baggagePairs("user=alice;ttl=1 , note=a%20b, broken, =x, raw=%zz"), [
    ["user", "alice"],
    ["note", "a b"],
    ["raw", "%zz"],
  ]);
  assert.deepEqual(baggagePairs(undefined), []);
  assert.equal(baggageValue("user=alice", "user"), "alice");
  assert.equal(baggageValue("users=alice", "user"), undefined);
});

test("state key: comes from the named part of the request, else is empty", () => {
  const spec = (key: StateSpec["key"]): StateSpec => ({ name: "cart", key, is: null, becomes: null });
  const call = head("/a?s=q", [
    ["X-Session", "h"],
    ["Cookie", "s=c"],
    ["Baggage", "s=b"],
  ]);
  assert.equal(stateKeyOf(spec(null), call), "");
  assert.equal(stateKeyOf(spec({ from: "header", name: "X-Session" }), call), "h");
  assert.equal(stateKeyOf(spec({ from: "cookie", name: "s" }), call), "c");
  assert.equal(stateKeyOf(spec({ from: "query", name: "s" }), call), "q");
  assert.equal(stateKeyOf(spec({ from: "baggage", name: "s" }), call), "b");
  for (const from of ["header", "cookie", "query", "baggage"] as const) {
    assert.equal(stateKeyOf(spec({ from, name: "none" }), call), "");
  }
});
