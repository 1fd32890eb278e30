// Loops: destinations that are our own listeners, under whatever name.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isLoopback, wouldLoop } from "../../../src/proxy/accept/loop-guard.ts";

const own = new Set(["192.0.2.2", "fd00::2"]);

describe("loop guard", () => {
  for (const [listener, destination, loops] of [
    ["127.0.0.1", "127.0.0.1", true],
    ["127.0.0.1", "::ffff:127.0.0.1", true],
    ["127.0.0.1", "127.0.0.2", false],
    ["127.0.0.1", "localhost", true],
    ["::1", "LOCALHOST", true],
    ["127.0.0.1", "0.0.0.0", true],
    ["127.0.0.1", "192.0.2.2", false],
    ["0.0.0.0", "127.0.0.9", true],
    ["::", "192.0.2.2", true],
    ["::", "fd00::2", true],
    ["::", "localhost", true],
    ["::", "198.51.100.1", false],
    ["::", "example.com", false],
    ["192.0.2.2", "localhost", false],
  ] as const) {
    test(`a listener on ${listener} ${loops ? "is" : "is not"} reached by dialling ${destination}`, () => {
      assert.equal(wouldLoop({ host: destination, port: 80 }, [{ host: listener, port: 80 }], own), loops);
      assert.equal(wouldLoop({ host: destination, port: 81 }, [{ host: listener, port: 80 }], own), false);
    });
  }

  test("loopback is 127.0.0.0/8, ::1, and the mapped form", () => {
    for (const host of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
      assert.ok(isLoopback(host), host);
    for (const host of ["128.0.0.1", "::2", "127.evil.example"]) assert.ok(!isLoopback(host), host);
  });
});
