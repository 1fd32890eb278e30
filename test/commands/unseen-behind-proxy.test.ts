import assert from "node:assert/strict";
import { test } from "node:test";
import { unseenBehindProxy } from "../../src/commands/unseen-behind-proxy.ts";

test("behind a proxy: nothing is told where no variable concerns HTTPS", () => {
  for (const env of [{}, { HTTP_PROXY: "http://p:1" }, { HTTPS_PROXY: "" }, { NO_PROXY: "*" }])
    assert.equal(unseenBehindProxy(env), null);
});

test("behind a proxy: the variables are named, and how to go without them", () => {
  assert.equal(
    unseenBehindProxy({ HTTPS_PROXY: "http://p:1" }),
    "HTTPS_PROXY is set: HTTPS calls of programs that heed it go through a tunnel to that proxy, and rules do not see into it; " +
      "without it rules see each call: env -u HTTPS_PROXY understudy run …",
  );
  const both = unseenBehindProxy({ https_proxy: "http://p:1", ALL_PROXY: "http://p:1" }) ?? "";
  assert.match(both, /^https_proxy and ALL_PROXY are set: .* env -u https_proxy -u ALL_PROXY understudy/);
});
