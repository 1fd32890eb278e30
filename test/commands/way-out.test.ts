import assert from "node:assert/strict";
import { test } from "node:test";
import { wayOutIn } from "../../src/commands/way-out.ts";

const at = (text: string) => {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
};

test("way out: none where the environment names no proxy", () => {
  for (const env of [{}, { HTTPS_PROXY: "" }, { NO_PROXY: "*" }])
    assert.deepEqual(wayOutIn(env), { wayOut: null, line: null });
});

test("way out: by the variable that programs prefer, with its credentials", () => {
  const rows = [
    [{ https_proxy: "http://a:1", HTTPS_PROXY: "http://b:2" }, "a:1", null],
    [{ HTTP_PROXY: "http://c:3", ALL_PROXY: "http://b:2/" }, "b:2", null],
    [{ HTTP_PROXY: "c.test" }, "c.test:80", null],
    [{ HTTPS_PROXY: "https://c.test" }, "c.test:443", null],
    [{ HTTPS_PROXY: "HTTPS://c.test:80" }, "c.test:80", null],
    [{ HTTPS_PROXY: "p:3128" }, "p:3128", null],
    [{ HTTPS_PROXY: "http://me:p%40ss@[::1]:3128" }, "::1:3128", "Basic bWU6cEBzcw=="],
    [{ HTTPS_PROXY: "http://me:100%@p:1" }, "p:1", `Basic ${btoa("me:100%")}`],
  ] as const;
  for (const [env, proxy, authorization] of rows) {
    const { wayOut, line } = wayOutIn(env);
    const isSecure = Object.values(env).some((value) => /^https:/i.test(value));
    assert.deepEqual(wayOut?.proxy, { at: at(proxy), isSecure, authorization });
    assert.match(line ?? "", /^calls that are relayed leave through the proxy of \w+, /);
    assert.equal(line?.endsWith(", over TLS"), isSecure);
    assert.doesNotMatch(line ?? "", /p@ss|p%40ss/);
  }
});

test("way out: a proxy that cannot be spoken to is told of, without its password", () => {
  for (const [value, shown] of [
    ["socks5h://u:secret@p:1", "socks5h://…@p:1"],
    ["http://[", "http://["],
  ] as const)
    assert.deepEqual(wayOutIn({ HTTPS_PROXY: value }), {
      wayOut: null,
      line: `HTTPS_PROXY: expected a proxy such as http://proxy.test:3128 or https://proxy.test, got "${shown}": calls leave without it`,
    });
});

test("way out: NO_PROXY spares hosts and what is below them, addresses, ranges, ports", () => {
  const spares = (noProxy: string, place: string) =>
    wayOutIn({ HTTPS_PROXY: "http://p:1", NO_PROXY: noProxy }).wayOut?.spares(at(place));
  for (const [noProxy, place, spared] of [
    ["", "shop.test:443", false],
    ["*", "shop.test:443", true],
    ["shop.test", "shop.test:443", true],
    ["SHOP.test", "a.shop.TEST:443", true],
    ["shop.test", "myshop.test:443", false],
    [".shop.test, *.b.test", "a.shop.test:443", true],
    [".shop.test, *.b.test", "a.b.test:443", true],
    ["shop.test:8443", "shop.test:443", false],
    ["shop.test:8443", "shop.test:8443", true],
    ["10.0.0.0/8 192.0.2.7", "10.9.8.7:443", true],
    ["10.0.0.0/8 192.0.2.7", "192.0.2.7:443", true],
    ["10.0.0.0/8 192.0.2.7", "11.0.0.1:443", false],
    ["fd00::/8", "fd12::1:443", true],
    ["fd12::1", "fd12::1:443", true],
    ["[fd12::1]:443", "fd12::1:443", true],
    ["10.0.0.0/99", "10.0.0.1:443", false],
  ] as const)
    assert.equal(spares(noProxy, place), spared, `${noProxy} ${place}`);
});
