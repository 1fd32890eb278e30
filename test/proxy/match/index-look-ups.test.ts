// Each way of looking a call up, by itself: among many rules of one kind the right one is found, and no other.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionFacts } from "../../../src/core/connection.ts";
import type { MatchSpec, ScopeSpec } from "../../../src/core/rule.ts";
import type { DescribedRequest } from "../../../src/proxy/match/request-head.ts";
import { compiled, decided, outbound, ruleOf } from "./described.ts";

interface Way {
  readonly match?: (i: number) => MatchSpec;
  readonly scope?: (i: number) => Partial<ScopeSpec>;
  /** Calls that rule i claims; of a rule that does not exist, calls that nobody claims. */
  readonly calls: (i: number) => readonly DescribedRequest[];
  readonly connection?: (i: number) => Partial<ConnectionFacts>;
}

const exact = (value: string) => ({ op: "exact", value }) as const;
const named = (name: string, value: string) => [{ name, match: exact(value) }];
const at = (path: string, ...headers: (readonly [string, string])[]): DescribedRequest => ({
  authority: "a.svc",
  path,
  headers,
});
const host = (authority: string): DescribedRequest => ({ authority, path: "/" });

const ways: Readonly<Record<string, Way>> = {
  host: {
    match: (i) => ({ host: exact(`h${i}.svc`) }),
    calls: (i) => [host(`h${i}.svc`), host(`H${i}.SVC.:81`)],
  },
  "host with port": {
    match: (i) => ({ host: exact(`h${i >> 1}.svc:${80 + (i & 1)}`) }),
    calls: (i) => [host(`h${i >> 1}.svc:${80 + (i & 1)}`), ...(i & 1 ? [] : [host(`h${i >> 1}.svc`)])],
  },
  "host suffix": {
    match: (i) => ({ host: { op: "suffix", value: `t${i}.Svc` } }),
    calls: (i) => [host(`a.t${i}.svc`), host(`t${i}.svc:9`), host(`xt${i}.SVC`)],
  },
  path: { match: (i) => ({ path: exact(`/p/${i}`) }), calls: (i) => [at(`/p/${i}`), at(`/p/${i}?q=/`)] },
  "path prefix": {
    match: (i) => ({ path: { op: "prefix", value: `/p${"x".repeat(i % 3)}${i}/` } }),
    calls: (i) => [at(`/p${"x".repeat(i % 3)}${i}/`), at(`/p${"x".repeat(i % 3)}${i}/a/b?c`)],
  },
  "path template": {
    match: (i) => ({ path: { op: "template", value: i & 1 ? `/{a}/${i}` : `/${i}/{a}` } }),
    calls: (i) => [at(i & 1 ? `/v/${i}?q` : `/${i}/v`), at(i & 1 ? `/{a}/${i}` : `/${i}/v.json`)],
  },
  "path regex with a literal prefix": {
    match: (i) => ({ path: { op: "regex", value: `/r${i}/[a-z]+` } }),
    calls: (i) => [at(`/r${i}/abc`)],
  },
  method: {
    match: (i) => ({ method: exact(`M${i}`) }),
    calls: (i) => [{ ...at("/"), method: `M${i}` }],
  },
  header: {
    match: (i) => ({ headers: named("x-t", `v${i}`) }),
    calls: (i) => [at("/", ["X-T", `v${i}`]), at("/", ["x-t", "other"], ["x-t", `v${i}`])],
  },
  query: {
    match: (i) => ({ query: named("q", `v ${i}`) }),
    calls: (i) => [at(`/?q=v+${i}`), at(`/?q=x&q=v%20${i}`)],
  },
  cookie: {
    match: (i) => ({ cookies: named("s", `v${i}`) }),
    calls: (i) => [at("/", ["cookie", `a=1; s=v${i}`]), at("/", ["cookie", "a=1"], ["cookie", `s="v${i}"`])],
  },
  baggage: {
    scope: (i) => ({ baggage: named("user", `v ${i}`) }),
    calls: (i) => [at("/", ["baggage", `a=1,user=v%20${i};p=1`])],
  },
  "header of the scope": {
    scope: (i) => ({ headers: named("X-T", `v${i}`) }),
    calls: (i) => [at("/", ["x-t", `v${i}`])],
  },
  "address and port": {
    match: (i) => ({ destination: { cidr: `10.0.${i}.1`, hostname: null, port: 5432 } }),
    calls: () => [at("/")],
    connection: (i) => ({ originalDestination: { host: `::ffff:10.0.${i}.1`, port: 5432 } }),
  },
  port: {
    match: (i) => ({ destination: { cidr: null, hostname: null, port: 1_000 + i } }),
    calls: () => [at("/")],
    connection: (i) => ({ originalDestination: { host: "db", port: 1_000 + i } }),
  },
};

const count = 30;

for (const [name, way] of Object.entries(ways)) {
  test(`by ${name}: the right rule is found, and no other`, () => {
    const rules = compiled(
      Array.from({ length: count }, (_, i) =>
        ruleOf(`r${i}`, way.match ? [way.match(i)] : [], way.scope?.(i)),
      ),
    );
    for (let i = 0; i < count + 10; i++) {
      const connection = { ...outbound, ...way.connection?.(i) };
      for (const call of way.calls(i)) {
        assert.equal(decided(rules, call, connection), i < count ? `r${i}` : null, JSON.stringify(call));
      }
    }
  });
}

test("texts whose hashes collide are told apart", () => {
  // "Aa" and "BB" have one hash under multiplication by 31, as have all words made of them.
  const twins = ["Aa", "BB"];
  const words = twins.flatMap((a) => twins.flatMap((b) => twins.map((c) => `${a}${b}${c}`)));
  const prefixes = compiled(
    words.map((word) => ruleOf(word, [{ path: { op: "prefix", value: `/${word}` } }])),
  );
  const templates = compiled(
    words.map((word) => ruleOf(word, [{ path: { op: "template", value: `/${word}/{id}` } }])),
  );
  for (const word of words) {
    assert.equal(decided(prefixes, at(`/${word}/1`)), word);
    assert.equal(decided(templates, at(`/${word}/1`)), word);
  }
  assert.equal(decided(prefixes, at("/AaAaXX/1")), null);
});

test("a tree of literal and free segments finds every template that fits", () => {
  const rules = compiled(
    ["/a/{x}/c", "/{x}/b/c", "/{x}/{y}/c", "/a/b/{z}", "/a/b/c/{w}", "/{x}/{y}/{z}"].map((value, i) =>
      ruleOf(value, [{ path: { op: "template", value } }], {}, { priority: i }),
    ),
  );
  const found = ["/a/b/c", "/z/b/c", "/z/z/c", "/a/b/z", "/a/b/c/d", "/z/z/z", "/a/b"].map((path) =>
    decided(rules, at(path)),
  );
  assert.deepEqual(found, [
    "/a/{x}/c",
    "/{x}/b/c",
    "/{x}/{y}/c",
    "/a/b/{z}",
    "/a/b/c/{w}",
    "/{x}/{y}/{z}",
    null,
  ]);
});
