// What is run to make a namespace: words and scripts, before any process exists.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { hostNetwork } from "../../../../src/proxy/accept/namespace/host-network.ts";
import {
  networkScript,
  ownAddresses,
  redirectProgram,
} from "../../../../src/proxy/accept/namespace/network.ts";
import {
  commandInside,
  isolationsToTry,
  namespaceCommand,
} from "../../../../src/proxy/accept/namespace/recipe.ts";

const network = { ipv4: ["192.0.2.2"], ipv6: ["fd00::2"], ipv6Route: true };

describe("namespace recipe", () => {
  test("root does without a user namespace where it may; an ordinary user never does", () => {
    assert.deepEqual(
      isolationsToTry(0).map(({ userNamespace }) => userNamespace),
      [false, false, true, true],
    );
    assert.deepEqual(isolationsToTry(1000), [
      { userNamespace: true, pidNamespace: true },
      { userNamespace: true, pidNamespace: false },
    ]);
  });

  test("every kind kills its child with itself", () => {
    for (const isolation of isolationsToTry(0)) {
      const words = namespaceCommand(isolation, network, ["node", "entry.ts"]);
      assert.ok(words.includes("--kill-child"));
      assert.equal(words.includes("--pid"), isolation.pidNamespace);
      assert.equal(words.includes("--user"), isolation.userNamespace);
      assert.deepEqual(words.slice(-2), ["node", "entry.ts"]);
    }
  });

  test("the command gets its own ids back where a user namespace is around it", () => {
    const ids = { uid: 1000, gid: 100 };
    const inside = commandInside(
      { userNamespace: true, pidNamespace: true },
      ids,
      ["ls"],
      "/usr/bin/unshare",
    );
    assert.deepEqual(inside, [
      "/usr/bin/unshare",
      "--user",
      "--map-user=1000",
      "--map-group=100",
      "--",
      "ls",
    ]);
    assert.deepEqual(commandInside({ userNamespace: false, pidNamespace: true }, ids, ["ls"], ""), ["ls"]);
  });

  test("the script is one that sh can read, with addresses of both families", () => {
    const script = networkScript(network);
    assert.equal(spawnSync("sh", ["-n"], { input: script }).status, 0);
    assert.match(script, /ip addr add 192\.0\.2\.2\/32 dev lo \|\| exit 70/);
    assert.match(script, /ip -6 addr add fd00::2\/128 dev lo/);
    assert.match(script, /ip -6 route add default dev lo/);
  });

  test("IPv6 has no route inside where the host has none", () => {
    assert.doesNotMatch(networkScript({ ...network, ipv6Route: false }), /-6 route/);
  });

  test("a host with loopback alone still gets a source address", () => {
    assert.deepEqual(ownAddresses({ ipv4: [], ipv6: [], ipv6Route: false }), ["192.0.0.8"]);
  });

  test("what stays inside is let through by address", () => {
    assert.match(redirectProgram(["192.0.2.2"], ["fd00::2"]), /ip6 daddr \{ ::1, fd00::2 \} accept/);
  });
});

describe("host network", () => {
  const entry = (address: string, internal = false) => ({
    address,
    internal,
    netmask: "",
    mac: "",
    cidr: null,
    ...(address.includes(":") ? { family: "IPv6" as const, scopeid: 0 } : { family: "IPv4" as const }),
  });
  const route = (destination: string, length: string, device: string) =>
    `${destination} ${length} ${"0".repeat(32)} 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003 ${device}`;

  test("takes addresses that are of this host alone and not of one link", () => {
    const found = hostNetwork(
      [entry("127.0.0.1", true), entry("192.0.2.2"), entry("192.0.2.2"), entry("fe80::1"), entry("fd00::2")],
      "",
    );
    assert.deepEqual(found, { ipv4: ["192.0.2.2"], ipv6: ["fd00::2"], ipv6Route: false });
  });
  test("knows a default route from one that rejects and from a narrower one", () => {
    const zero = "0".repeat(32);
    assert.equal(hostNetwork([], route(zero, "00", "eth0")).ipv6Route, true);
    assert.equal(hostNetwork([], route(zero, "00", "lo")).ipv6Route, false);
    assert.equal(hostNetwork([], route(zero, "40", "eth0")).ipv6Route, false);
  });
  test("is bounded on a machine with many interfaces", () => {
    const many = Array.from({ length: 300 }, (_, i) => entry(`10.0.${i >> 8}.${i & 255}`));
    assert.equal(hostNetwork(many, "").ipv4.length, 16);
  });
});
