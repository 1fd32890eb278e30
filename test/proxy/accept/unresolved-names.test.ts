// Which hosts count as looked up in vain.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readDnsHead } from "../../../src/proxy/accept/dns-message.ts";
import { createUnresolvedNames } from "../../../src/proxy/accept/unresolved-names.ts";
import { dnsQuery } from "../../support/tiny-dns.ts";

const [A, AAAA, PTR, TXT] = [1, 28, 12, 16];

function scene(search: readonly string[] = []) {
  const names = createUnresolvedNames(() => search);
  const ended = (isKnown: boolean, name: string, type = A) => {
    const head = readDnsHead(dnsQuery(1, name, type));
    assert.ok(head);
    names.ended(head, isKnown);
  };
  return {
    list: names.list,
    fails: (name: string, type?: number) => ended(false, name, type),
    succeeds: (name: string, type?: number) => ended(true, name, type),
  };
}

describe("unresolved names", () => {
  test("both kinds of addresses of a name are one name, whatever its letters", () => {
    const { list, fails } = scene();
    fails("Payments.shop", AAAA);
    fails("ledger.shop");
    fails("payments.SHOP", A);
    assert.deepEqual(list(), ["payments.shop", "ledger.shop"]);
  });

  test("a name that has once been resolved is none of them, whichever came first", () => {
    const { list, fails, succeeds } = scene();
    fails("late.shop");
    succeeds("late.shop");
    succeeds("early.shop", A);
    fails("early.shop", AAAA);
    assert.deepEqual(list(), []);
  });

  test("reverse look-ups, records that are no addresses, addresses and localhost are none", () => {
    const { list, fails } = scene();
    fails("7.2.0.192.in-addr.arpa", PTR);
    fails("payments.shop", TXT);
    for (const name of ["localhost", "a.localhost", "192.0.2.7"]) fails(name);
    assert.deepEqual(list(), []);
  });

  test("what a search list makes of a name is left out, found or not; a name that ends so by itself is not", () => {
    const { list, fails, succeeds } = scene(["svc.cluster.local", "cluster.local"]);
    for (const name of ["payments", "api.example"]) {
      fails(`${name}.svc.cluster.local`);
      fails(`${name}.cluster.local`);
    }
    fails("payments");
    succeeds("api.example");
    fails("db.shop.svc.cluster.local");
    assert.deepEqual(list(), ["payments", "db.shop.svc.cluster.local"]);
  });

  test("a thousand are remembered", () => {
    const { list, fails, succeeds } = scene();
    for (let i = 0; i < 1_010; i++) fails(`n${i}.shop`);
    succeeds("n0.shop");
    succeeds("n1005.shop");
    assert.equal(list().length, 999);
    assert.equal(list().at(-1), "n999.shop");
  });
});
