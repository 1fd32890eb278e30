// What is answered for a name that the name servers do not resolve.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readDnsHead } from "../../../src/proxy/accept/dns-message.ts";
import { createStandInAddresses } from "../../../src/proxy/accept/stand-in-addresses.ts";
import { createStandIn, type Failure, isFailure } from "../../../src/proxy/accept/stand-in-names.ts";
import { dnsQuery } from "../../support/tiny-dns.ts";

const [A, AAAA, TXT, MX, SRV, SVCB, HTTPS] = [1, 28, 16, 15, 33, 64, 65];
const [SERVFAIL, NXDOMAIN, REFUSED] = [2, 3, 5];

interface Scene {
  readonly rules: (name: string) => boolean;
  readonly search?: readonly string[];
  readonly ndots?: number;
  /** Names that the name servers know. */
  readonly known?: readonly string[];
}

function scene({ rules, search = [], ndots = 1, known = [] }: Scene) {
  const asked: string[] = [];
  const lines: string[] = [];
  const standIn = createStandIn({
    answersHost: rules,
    addresses: createStandInAddresses(),
    resolvConf: () => ({ search, ndots }),
    debug: (line) => lines.push(line()),
  });
  const exists = async (name: string) => {
    asked.push(name);
    return known.includes(name);
  };
  /** `198.19.0.1`, `no data`, `NXDOMAIN`, or what the name servers said. */
  const ask = async (name: string, type = A, failure: Failure = NXDOMAIN): Promise<string> => {
    const query = dnsQuery(1, name, type);
    const head = readDnsHead(query);
    assert.ok(head);
    const answer = await standIn.answer(query, head, failure, exists);
    if (answer === null) return "theirs";
    assert.equal(standIn.covers(head), true);
    if (((answer[3] ?? 0) & 15) === NXDOMAIN) return "NXDOMAIN";
    return answer.readUInt16BE(6) === 0 ? "no data" : answer.subarray(-4).join(".");
  };
  return { ask, asked, lines };
}

const only =
  (...names: readonly string[]) =>
  (name: string) =>
    names.includes(name);
const under = (suffix: string) => (name: string) => name.endsWith(suffix);

describe("stand-in names", () => {
  const rules = only("payments.internal");
  for (const [what, failure] of [
    ["NXDOMAIN", NXDOMAIN],
    ["SERVFAIL", SERVFAIL],
    ["REFUSED", REFUSED],
    ["silence", null],
  ] as const)
    test(`after ${what} the name has an address`, async () => {
      const { ask, lines } = scene({ rules });
      assert.equal(await ask("Payments.INTERNAL", A, failure), "198.19.0.1");
      assert.equal(await ask("payments.internal", A, failure), "198.19.0.1");
      assert.equal(lines.length, 2);
      assert.match(
        lines[0] ?? "",
        /^payments\.internal → 198\.19\.0\.1, since .* and a rule could answer for it$/,
      );
    });

  for (const [what, type] of Object.entries({ AAAA, SVCB, HTTPS }))
    test(`${what} has no data`, async () =>
      assert.equal(await scene({ rules }).ask("payments.internal", type), "no data"));

  for (const [what, type] of Object.entries({ TXT, MX, SRV }))
    test(`${what} is what the name servers say`, async () =>
      assert.equal(await scene({ rules }).ask("payments.internal", type), "theirs"));

  test("an answer with another code stands", async () => {
    assert.equal(await scene({ rules }).ask("payments.internal", A, 4), "theirs");
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map(isFailure), [false, false, true, true, false, true, false]);
  });

  for (const name of ["other.internal", "localhost", "a.localhost", "10.0.0.1"])
    test(`${name} is left alone`, async () => {
      const standIn = scene({ rules: (asked) => asked !== "other.internal" });
      assert.equal(await standIn.ask(name), "theirs");
    });
});

describe("stand-in names and search domains", () => {
  test("a bare name is reached: what a resolver tries before it does not exist", async () => {
    const { ask } = scene({ rules: only("payments"), search: ["corp.example", "example"] });
    assert.equal(await ask("payments.corp.example"), "theirs");
    assert.equal(await ask("payments.corp.example", A, SERVFAIL), "NXDOMAIN");
    assert.equal(await ask("payments.corp.example", AAAA, null), "NXDOMAIN");
    assert.equal(await ask("payments.corp.example", TXT, null), "theirs");
    assert.equal(await ask("payments"), "198.19.0.1");
  });

  test("a full name that a rule names exactly is reached by its short one", async () => {
    const { ask } = scene({ rules: only("payments.corp.example"), search: ["corp.example"] });
    assert.equal(await ask("payments.corp.example"), "198.19.0.1");
  });

  const cluster = {
    rules: under(".cluster.local"),
    search: ["svc.cluster.local", "cluster.local"],
    ndots: 5,
  };

  test("a pattern over a search domain does not stand between a name and its own address", async () => {
    const { ask, asked } = scene({ ...cluster, known: ["api.example.com"] });
    assert.equal(await ask("api.example.com.svc.cluster.local"), "theirs");
    assert.equal(await ask("api.example.com.cluster.local"), "theirs");
    assert.equal(await ask("db.cluster.local"), "198.19.0.1");
    assert.deepEqual(asked, ["api.example.com", "api.example.com", "db"]);
  });

  test("names of its own are reached, in full and in short", async () => {
    const { ask, asked } = scene(cluster);
    assert.equal(await ask("pay.shop.svc.cluster.local"), "198.19.0.1");
    assert.equal(await ask("pay.shop.svc.cluster.local.cluster.local"), "198.19.0.2");
    assert.deepEqual(asked, ["pay.shop", "pay.shop.svc"]);
  });

  test("a name that resolvers ask for before they search is not asked for again", async () => {
    const { ask, asked } = scene({ ...cluster, ndots: 1, known: ["a.b"] });
    assert.equal(await ask("a.b.cluster.local"), "198.19.0.1");
    assert.deepEqual(asked, []);
  });

  test("the search domain itself, and a mere ending, are no searched names", async () => {
    const { ask } = scene({ rules: only("a"), search: ["corp.example"] });
    assert.equal(await ask("corp.example", A, null), "theirs");
    assert.equal(await ask("a-corp.example", A, null), "theirs");
  });
});
