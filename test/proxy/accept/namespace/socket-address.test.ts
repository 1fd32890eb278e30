// Addresses in the kernel's form and back.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { socketAddress } from "../../../../src/proxy/accept/namespace/socket-address.ts";
import { printIPv6 } from "../../../../src/proxy/accept/original-destination.ts";

describe("socket addresses", () => {
  test("IPv4 is family, port, address", () => {
    const address = socketAddress("192.0.2.7", 8080);
    assert.equal(address.length, 16);
    assert.equal(address.readUInt16BE(2), 8080);
    assert.deepEqual([...address.subarray(4, 8)], [192, 0, 2, 7]);
  });

  for (const [text, printed] of [
    ["::1", "::1"],
    ["::", "::"],
    ["fd00::2", "fd00::2"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:192.0.2.33", "1:2:3:4:5:6:c000:221"],
    ["FE80::ABCD", "fe80::abcd"],
  ] as const) {
    test(`${text} comes back as ${printed}`, () => {
      const address = socketAddress(text, 443);
      assert.equal(address.length, 28);
      assert.equal(printIPv6(address.subarray(8, 24)), printed);
    });
  }
});
