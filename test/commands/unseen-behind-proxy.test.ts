import assert from "node:assert/strict";
import { test } from "node:test";
import { unseenBehindProxy } from "../../src/commands/unseen-behind-proxy.ts";

test("behind a proxy: nothing is told where no variable concerns HTTPS, or the proxy speaks plain HTTP", () => {
  for (const env of [
    {},
    { HTTP_PROXY: "https://p:1" },
    { HTTPS_PROXY: "" },
    { NO_PROXY: "*" },
    { HTTPS_PROXY: "http://p:1", ALL_PROXY: "p:1" },
  ])
    assert.equal(unseenBehindProxy(env), null);
});

test("behind a proxy: the variables are named, and how to go without them", () => {
  assert.equal(
    unseenBehindProxy({ HTTPS_PROXY: "https://p:1" }),
    "HTTPS_PROXY is set to a proxy that speaks TLS or SOCKS: rules do not see the HTTPS calls of programs that heed it; " +
      "without it they see each call: env -u HTTPS_PROXY understudy run …",
  );
  const both = unseenBehindProxy({ https_proxy: "https://p:1", ALL_PROXY: "SOCKS5h://p:1" }) ?? "";
  assert.match(both, /^https_proxy and ALL_PROXY are set to .* env -u https_proxy -u ALL_PROXY understudy/);
});
