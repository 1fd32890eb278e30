// The parts of a sidecar's membership: tags, keyring files, addresses to join, and joining again.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { joinAddresses } from "../../../../src/control/mesh/member/join-addresses.ts";
import { Joiner } from "../../../../src/control/mesh/member/joiner.ts";
import { readKeyring, writeKeyring } from "../../../../src/control/mesh/member/keyring-file.ts";
import { RosterCopy } from "../../../../src/control/mesh/member/roster-copy.ts";
import {
  type SidecarFacts,
  shortRevision,
  sidecarOfTags,
  tagsOfSidecar,
} from "../../../../src/control/mesh/member/sidecar-tags.ts";
import type { MeshMember } from "../../../../src/control/mesh/mesh.ts";
import { encodeTags } from "../../../../src/control/mesh/serf/tags.ts";
import type { HostPort } from "../../../../src/core/address.ts";
import { parseStop } from "../../../../src/core/fault-stop.ts";
import { parseJoinTarget } from "../../../../src/core/join-target.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const facts: SidecarFacts = {
  version: "9".repeat(32),
  service: "s".repeat(120),
  namespace: "n".repeat(68),
  zone: "z".repeat(68),
  state: "draining",
  app: "failing",
  revision: shortRevision("a+b"),
  index: 999_999_999_999_999,
  rulesRefused: true,
  faults: 100_000,
  stop: parseStop("h4503599627370496") ?? assert.fail(),
};

test("tags: what a sidecar says is read back, and the longest of it fits into 512 bytes", () => {
  assert.deepEqual(sidecarOfTags(tagsOfSidecar(facts)), facts);
  assert.ok(encodeTags(tagsOfSidecar(facts)).length <= 512, String(encodeTags(tagsOfSidecar(facts)).length));
  const least = {
    ...facts,
    service: null,
    namespace: null,
    zone: null,
    app: null,
    index: null,
    rulesRefused: false,
  };
  assert.deepEqual(sidecarOfTags(tagsOfSidecar({ ...least, revision: "", faults: 0 })), {
    ...least,
    revision: "",
    faults: 0,
  });
  assert.equal(facts.revision.length, 12);
});

test("tags: others are no sidecars, and nonsense is as if it had not been said", () => {
  assert.equal(sidecarOfTags(new Map([["role", "consul"]])), null);
  const odd = new Map([
    ["role", "understudy"],
    ...["state", "app", "index", "faults", "stop"].map((name) => [name, "-1"] as const),
  ]);
  const read = sidecarOfTags(odd) ?? assert.fail();
  assert.deepEqual(
    [read.state, read.app, read.index, read.faults, read.stop.time],
    ["serving", null, null, 0, 0],
  );
});

test("keyring file: read in both forms, replaced in one step, and never open to others", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-keys-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "keys");
  const [a, b] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2)];
  writeFileSync(file, `# the mesh\n${a.toString("base64")}\n\n${b.toString("base64")} # old\n`, {
    mode: 0o600,
  });
  assert.deepEqual((await readKeyring(file)).map(Buffer.from), [a, b]);
  await writeKeyring(file, [b, a], "x1");
  assert.deepEqual((await readKeyring(file)).map(Buffer.from), [b, a]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ["keys"]);
  await assert.rejects(writeKeyring(join(folder, "no/keys"), [a], "x2"));
  for (const [text, message] of [
    ["", /expected keys in base64/],
    ["[1]", /expected keys in base64/],
    ["[", /expected keys in base64/],
    ["!!!", /as key 1, in/],
    [`${a.toString("base64")}\nAAAA`, /as key 2, in/],
    ["x".repeat(20_000), /at most 16 KiB/],
  ] as const) {
    writeFileSync(file, text);
    await assert.rejects(readKeyring(file), { code: "bad_config", message }, text.slice(0, 20));
  }
});

const self = { host: "10.0.0.1", port: 7_946 };
const targets = ["10.0.0.1:7946", "10.0.0.2:7946", "mesh.svc", "gone.svc:1", "store:"].map(
  (text) => parseJoinTarget(text) ?? assert.fail(text),
);
const lookUp = async (name: string) => {
  if (name !== "mesh.svc") throw new Error("ENOTFOUND");
  return ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"];
};

test("join: every address of a name, members in the store, each once, and not ourselves", async () => {
  const inStore = async () => ["10.0.0.4:9", "[fd00::2]:7", "nonsense", "name:1"];
  const found = await joinAddresses(targets, self, { lookUp, inStore }, new AbortController().signal);
  assert.deepEqual(
    found.addresses.map(({ host, port }) => `${host} ${port}`),
    ["10.0.0.2 7946", "10.0.0.3 7946", "fd00::1 7946", "10.0.0.4 9", "fd00::2 7"],
  );
  assert.deepEqual(found.problems, ["gone.svc:1: ENOTFOUND"]);
  for (const text of ["", ":1", "a:0", "a b", "store"])
    assert.equal(parseJoinTarget(text)?.kind === "store", false, text);
});

test("join: tried again ever more rarely until somebody answers, and anew when nobody is left", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const tries: number[] = [];
  let answers = false;
  let company = false;
  const elsewhere = { host: "10.0.0.9", port: 7_946 };
  const joiner = new Joiner({
    clock,
    random: seededRandom(1),
    targets: targets.slice(1, 2),
    sources: { lookUp, inStore: null },
    self: () => self,
    company: () => (company ? [elsewhere] : []),
    join: async (addresses: readonly HostPort[]) => {
      tries.push(clock.now());
      company = answers;
      return addresses.map((address) => ({ address, problem: answers ? null : "refused" }));
    },
  });
  const kept = joiner.keep(stop.signal);
  await joiner.tried;
  assert.equal(joiner.problem, "10.0.0.2:7946: refused");
  await clock.advance(60_000);
  const gaps = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
  assert.ok(gaps.length >= 5 && gaps.every((gap) => gap <= 15_000), String(gaps));
  assert.ok((gaps[0] ?? 0) <= 1_000 && (gaps.at(-1) ?? 0) >= 7_500, String(gaps));
  answers = true;
  await clock.advance(15_000);
  assert.equal(joiner.problem, "");
  const count = tries.length;
  await clock.advance(60_000);
  assert.equal(tries.length, count);
  company = false;
  await clock.advance(10_000);
  assert.equal(tries.length, count + 1);
  stop.abort();
  await kept;
});

test("joiner: with company, who is not known and never answered is asked again and again; nobody else is", async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const at = (last: number): HostPort => ({ host: `10.0.0.${last}`, port: 7_946 });
  const [friend, many, stranger] = [at(2), at(3), at(4)];
  let strangerAnswers = false;
  let asked: string[] = [];
  const joiner = new Joiner({
    clock,
    random: seededRandom(1),
    targets: [friend, many, stranger].map((address) => ({ kind: "address", at: address })),
    sources: { lookUp, inStore: null },
    self: () => self,
    company: () => [friend],
    join: async (addresses: readonly HostPort[]) =>
      addresses.map((address) => {
        asked.push(address.host);
        const answers = address === many || strangerAnswers;
        return { address, problem: answers ? null : "refused" };
      }),
  });
  const kept = joiner.keep(stop.signal);
  await clock.advance(45_000);
  assert.deepEqual(asked, [many.host, stranger.host, stranger.host]);
  assert.equal(joiner.problem, "", "somebody is there, so that is no trouble");
  strangerAnswers = true;
  await clock.advance(20_000);
  asked = [];
  await clock.advance(60_000);
  assert.deepEqual(asked, []);
  stop.abort();
  await kept;
});

test("roster: events change it, a look replaces it, and we are no company for ourselves", () => {
  const roster = new RosterCopy();
  const member = (name: string, status: MeshMember["status"] = "alive"): MeshMember => ({
    ...{ name, status, address: self, tags: new Map(), sinceMs: 0 },
  });
  roster.apply({ kind: "join", member: member("me") });
  assert.deepEqual(roster.company("me"), []);
  roster.apply({ kind: "join", member: member("b") });
  assert.deepEqual(roster.company("me"), [self]);
  roster.apply({ kind: "failed", member: member("b", "failed") });
  assert.deepEqual(roster.company("me"), []);
  roster.apply({ kind: "conflict", member: "b", claimedFrom: self });
  roster.apply({ kind: "reap", member: member("b", "failed") });
  assert.deepEqual(
    roster.all().map(({ name }) => name),
    ["me"],
  );
  roster.replace([member("z"), member("a")]);
  assert.deepEqual(
    roster.all().map(({ name }) => name),
    ["a", "z"],
  );
});
