// The nftables program of the sidecar, as text and as nft reads it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import {
  carryProgram,
  parseCidrs,
  parsePorts,
  type RedirectPlan,
  redirectProgram,
  removeProgram,
} from "../../../../src/proxy/accept/redirect/program.ts";
import { noNamespaces } from "../../../support/understudy-process.ts";

const plan: RedirectPlan = {
  outboundPort: 15_001,
  inboundPort: 15_006,
  excludeUid: 1337,
  mark: null,
  outboundPorts: { include: [], exclude: [] },
  inboundPorts: { include: [], exclude: [] },
  includeCidrs: [],
  excludeCidrs: [],
};
const rules = (change: Partial<RedirectPlan>) =>
  redirectProgram({ ...plan, ...change })
    .split("\n")
    .map((line) => line.trim());

describe("redirect program", () => {
  test("replaces its own table in one transaction, and touches no other", () => {
    assert.ok(redirectProgram(plan).startsWith(`${removeProgram()}table inet understudy {\n`));
  });

  test("leaves the sidecar's own connections and loopback alone before anything is redirected", () => {
    const lines = rules({ mark: 0x10 });
    const redirected = lines.findIndex((line) => line.endsWith("counter redirect to :15001"));
    for (const guard of ["meta mark 16 return", "meta skuid 1337 return", 'oifname "lo" return']) {
      assert.ok(lines.indexOf(guard) >= 0 && lines.indexOf(guard) < redirected, guard);
    }
  });

  test("redirects what begins, and nothing that was open before", () => {
    const begins = "tcp flags & (fin | syn | rst | ack) == syn counter redirect to :15006";
    assert.ok(rules({}).includes(begins));
    assert.equal(rules({}).filter((line) => line.includes("redirect to")).length, 2);
  });

  test("never redirects inbound what is meant for the sidecar's own ports", () => {
    assert.ok(rules({}).includes("tcp dport { 15001, 15006 } return"));
  });

  test("merges ports that overlap or touch, which nft would refuse", () => {
    const exclude = parsePorts("5432,5430-5440,5441,80", "--exclude-ports");
    assert.ok(
      rules({ outboundPorts: { include: [], exclude } }).includes("tcp dport { 80, 5430-5441 } return"),
    );
  });

  test("a family without an included network leaves as a whole", () => {
    const lines = rules({ includeCidrs: ["10.0.0.0/8", "192.0.2.0/24"] });
    assert.ok(lines.includes("ip daddr != 10.0.0.0/8 ip daddr != 192.0.2.0/24 return"));
    assert.ok(lines.includes("meta nfproto ipv6 return"));
  });

  test("a direction that is off has no chain", () => {
    assert.ok(!redirectProgram({ ...plan, inboundPort: null }).includes("prerouting"));
    assert.ok(!redirectProgram({ ...plan, outboundPort: null }).includes("hook output"));
  });

  test("nft accepts a program with everything in it", { skip: noNamespaces }, () => {
    const program = redirectProgram({
      ...plan,
      mark: 0xffff_ffff,
      outboundPorts: { include: parsePorts("1-65535", ""), exclude: parsePorts("22,25", "") },
      inboundPorts: { include: parsePorts("80,443", ""), exclude: parsePorts("9000-9010", "") },
      includeCidrs: ["10.0.0.0/8", "10.1.0.0/16", "fd00::/8", "192.0.2.7"],
      excludeCidrs: ["10.0.0.0/9", "fd00::1", "10.0.0.0/8"],
      carriedPorts: [15_011, 15_016],
    });
    const flags = process.getuid?.() === 0 ? ["--net"] : ["--user", "--map-root-user", "--net"];
    const twice = program + program + carryProgram([15_001, 15_006]) + carryProgram([15_001]);
    const { status, stderr } = spawnSync(
      "unshare",
      [...flags, "sh", "-c", 'PATH="$PATH:/usr/sbin:/sbin" exec nft -f -'],
      { input: twice, encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
  });
});

describe("redirect: ports and networks on the command line", () => {
  for (const text of ["0", "65536", "80-", "90-80", "http", "1-70000"]) {
    test(`${text} is no port`, () => {
      assert.throws(() => parsePorts(text, "--include-ports"), {
        code: "bad_config",
        message: `--include-ports: expected ports such as 80,443,8000-8999, got ${JSON.stringify(text)}`,
      });
    });
  }
  for (const text of [
    "10.0.0.0/33",
    "fd00::/129",
    "example.com",
    "10.0.0.0/8/8",
    "fe80::1%eth0",
    "10.0.0.0/",
  ]) {
    test(`${text} is no network`, () => {
      assert.throws(() => parseCidrs(text, "--include-cidrs"), { code: "bad_config" });
    });
  }
  test("lists may have spaces and be empty", () => {
    assert.deepEqual(parseCidrs(" 10.0.0.0/8 , ::1", ""), ["10.0.0.0/8", "::1"]);
    assert.deepEqual(parsePorts("", ""), []);
  });
});
