import assert from "node:assert/strict";
import { test } from "node:test";
import {
  fetchAnswer,
  fetchRequest,
  readFetchAnswer,
  readFetchRequest,
} from "../../../../src/control/mesh/serf/fetches.ts";
import {
  answerKeyQuery,
  keyOperationOf,
  keyQuery,
  readKeyAnswer,
} from "../../../../src/control/mesh/serf/key-requests.ts";
import { LamportClock } from "../../../../src/control/mesh/serf/lamport-clock.ts";
import { filterByNames, passes } from "../../../../src/control/mesh/serf/query-filter.ts";
import { Roster } from "../../../../src/control/mesh/serf/roster.ts";
import { SeenTimes } from "../../../../src/control/mesh/serf/seen-times.ts";
import { decodeTags, encodeTags } from "../../../../src/control/mesh/serf/tags.ts";
import { UserEvents } from "../../../../src/control/mesh/serf/user-events.ts";
import type { SwimMember, SwimState } from "../../../../src/control/mesh/swim/member.ts";
import { Keyring } from "../../../../src/control/mesh/wire/keyring.ts";
import { WireFault } from "../../../../src/control/mesh/wire/wire-fault.ts";
import { SimulatedClock } from "../simulation/simulated-clock.ts";

const member = (name: string, state: SwimState = "alive"): SwimMember => ({
  name,
  host: "10.0.0.1",
  port: 7_946,
  addr: Buffer.of(10, 0, 0, 1),
  meta: encodeTags(new Map([["role", name]])),
  vsn: Buffer.from([1, 5, 2, 2, 5, 5]),
  incarnation: 1,
  state,
  changedAtMs: 0,
});

function rig() {
  const clock = new SimulatedClock();
  const log: string[] = [];
  const roster = new Roster(clock, "self", (event, { name }) => log.push(`${event} ${name}`));
  roster.joined(member("self"));
  roster.joined(member("a"));
  log.length = 0;
  return { clock, roster, log, status: (name = "a") => roster.get(name)?.status };
}

test("roster: who announced it has left, who did not has failed", () => {
  const { roster, log, status } = rig();
  roster.joined(member("b"));
  assert.equal(roster.leaveIntent("a", 5), "news");
  assert.equal(status(), "leaving");
  roster.gone(member("a", "dead"));
  roster.gone(member("b", "dead"));
  roster.gone(member("b", "dead"));
  assert.deepEqual([status("a"), status("b")], ["left", "failed"]);
  assert.deepEqual(log, ["join b", "leave a", "failed b"]);
  assert.equal(roster.leaveIntent("b", 6), "news");
  assert.equal(status("b"), "left");
});

test("roster: a farewell of the layer below is one too", () => {
  const { roster, status } = rig();
  roster.gone(member("a", "left"));
  assert.equal(status(), "left");
});

test("roster: an old intent changes nothing", () => {
  const { roster, status } = rig();
  roster.joinIntent("a", 9);
  assert.equal(roster.leaveIntent("a", 9), "old");
  assert.equal(roster.leaveIntent("a", 8), "old");
  assert.equal(status(), "alive");
  assert.equal(roster.leaveIntent("a", 10), "news");
  assert.equal(roster.joinIntent("a", 11), "news");
  assert.equal(status(), "alive");
});

test("roster: a farewell in our name is contradicted while we stay", () => {
  const { roster, status } = rig();
  assert.equal(roster.leaveIntent("self", 5), "contradict");
  roster.selfLeaving(6);
  assert.equal(roster.leaveIntent("self", 7), "news");
  assert.equal(status("self"), "leaving");
});

test("roster: intents about strangers are kept for a while", () => {
  const { clock, roster, status } = rig();
  assert.equal(roster.leaveIntent("late", 5), "news");
  assert.equal(roster.leaveIntent("late", 5), "old");
  assert.equal(roster.joinIntent("later", 5), "news");
  roster.joined(member("late"));
  assert.equal(status("late"), "leaving");
  clock.run(6 * 60_000);
  roster.reap();
  roster.joined(member("later"));
  assert.equal(roster.statusTimes().get("later"), 0);
});

test("roster: the gone are forgotten after a day, the pruned at once", () => {
  const { clock, roster, log, status } = rig();
  roster.joined(member("b"));
  roster.gone(member("a", "dead"));
  roster.gone(member("b", "dead"));
  roster.leaveIntent("b", 3, true);
  assert.equal(status("b"), undefined);
  clock.run(25 * 3_600_000);
  roster.reap();
  assert.equal(status("a"), undefined);
  assert.equal(status("self"), "alive");
  assert.ok(log.includes("reap a") && log.includes("reap b"));
});

test("roster: who left and is alive again by old news has left after it; by a word of its own it can fail", () => {
  const { roster, status } = rig();
  for (const said of [false, true]) {
    roster.joined(member("a"));
    roster.leaveIntent("a", said ? 20 : 10);
    roster.gone(member("a", "left"));
    roster.joined(member("a"));
    assert.equal(status("a"), "alive");
    if (said) roster.joinIntent("a", 21);
    roster.gone(member("a", "dead"));
    assert.equal(status("a"), said ? "failed" : "left");
  }
});

test("tags: there and back; a meta without the marker is the role; 512 bytes at most", () => {
  const tags = new Map([
    ["role", "x"],
    ["version", "1.2"],
  ]);
  assert.deepEqual(decodeTags(encodeTags(tags)), tags);
  assert.deepEqual(decodeTags(Buffer.from("web")), new Map([["role", "web"]]));
  assert.deepEqual(decodeTags(Buffer.alloc(0)), new Map());
  assert.deepEqual(decodeTags(Buffer.of(0xff, 0x81, 0xc1)), new Map());
  assert.throws(
    () => encodeTags(new Map([["a", "x".repeat(600)]])),
    /expected at most 512 bytes when encoded, got 60\d/,
  );
});

test("lamport clock: never goes back, and does not follow an absurd time", () => {
  const clock = new LamportClock();
  assert.equal(clock.increment(), 1);
  clock.witness(10);
  assert.equal(clock.time, 11);
  clock.witness(3);
  clock.witness(2 ** 53 - 1);
  assert.equal(clock.time, 11);
});

test("seen times: everything is news once, and not when it is too old", () => {
  const seen = new SeenTimes<string>();
  assert.equal(seen.isNews(5, "a", "a", 6), true);
  assert.equal(seen.isNews(5, "a", "a", 6), false);
  assert.equal(seen.isNews(5, "b", "b", 6), true);
  assert.deepEqual(seen.all(), [{ time: 5, values: ["a", "b"] }]);
  assert.equal(seen.isNews(5, "c", "c", 1_000), false);
  assert.equal(seen.isNews(5 + 512, "a", "a", 1_000), true, "the slot is another time's now");
  assert.equal(seen.isNews(5, "d", "d", 6), false);
  seen.ignoreBefore(900);
  assert.equal(seen.isNews(899, "a", "a", 900), false);
});

test("query filter: by name, by a tag's expression; what cannot be read is for others", () => {
  const tags = new Map([["role", "web-1"]]);
  assert.equal(passes([], "a", tags), true);
  assert.equal(passes([filterByNames(["a", "b"])], "a", tags), true);
  assert.equal(passes([filterByNames(["b"])], "a", tags), false);
  const byTag = (expression: string) =>
    Buffer.concat([
      Buffer.from("0182a454616761a4726f6c65".replace("a454616761", "a3546167"), "hex"),
      Buffer.from("a445787072", "hex"),
      Buffer.of(0xa0 | expression.length),
      Buffer.from(expression),
    ]);
  assert.equal(passes([byTag("^web-[0-9]$")], "a", tags), true);
  assert.equal(passes([byTag("^db")], "a", tags), false);
  assert.equal(passes([byTag("(")], "a", tags), false);
  assert.equal(passes([Buffer.of(7)], "a", tags), false);
});

test("keys: queries are answered as the agents answer them", () => {
  const [a, b] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
  const keyring = new Keyring([a]);
  let changes = 0;
  const ask = (operation: "install-key" | "use-key" | "remove-key" | "list-keys", key: Buffer | null) => {
    const { name, payload } = keyQuery(operation, key);
    assert.equal(keyOperationOf(name), operation);
    return readKeyAnswer(
      "x",
      answerKeyQuery(operation, payload, keyring, () => changes++),
    );
  };
  assert.equal(ask("use-key", b)?.ok, false);
  assert.equal(ask("install-key", b)?.ok, true);
  assert.equal(ask("use-key", b)?.ok, true);
  assert.equal(ask("remove-key", a)?.ok, true);
  assert.equal(ask("remove-key", b)?.message, "the primary key cannot be removed");
  assert.deepEqual(ask("list-keys", null)?.keys, [b.toString("base64")]);
  assert.equal(changes, 3);
  assert.equal(ask("install-key", null)?.message, "the request names no key");
  assert.equal(readKeyAnswer("x", Buffer.from("nonsense")), null);
  assert.equal(keyOperationOf("_serf_ping"), undefined);
  const open = readKeyAnswer(
    "x",
    answerKeyQuery("list-keys", Buffer.alloc(0), new Keyring(), () => assert.fail()),
  );
  assert.equal(open?.ok, false);
});

test("seen times: what others say takes a bounded room; the oldest goes, and stays old", () => {
  const seen = new SeenTimes<Buffer>();
  const value = Buffer.alloc(9_000);
  for (let time = 1; time <= 400; time++)
    assert.equal(seen.isNews(time, "k", value, time, value.length), true);
  const held = seen.all().reduce((sum, { values }) => sum + values.length, 0);
  assert.ok(held * value.length <= 2 * 1_024 * 1_024, `${held} are held`);
  assert.equal(seen.isNews(1, "k", value, 400, value.length), false);
  assert.equal(seen.isNews(400, "k", value, 400, value.length), false);
  assert.equal(seen.isNews(401, "k", value, 401, value.length), true);
});

test("user events: a broadcast larger than any peer accepts is refused", () => {
  const delivered: string[] = [];
  const events = new UserEvents({
    broadcast: () => undefined,
    deliver: ({ name }) => void delivered.push(name),
  });
  const event = { LTime: 1, CC: false, Payload: Buffer.alloc(9_000) };
  assert.equal(events.received({ ...event, Name: "fits" }), true);
  assert.throws(() => events.received({ ...event, LTime: 2, Name: "x".repeat(300) }), WireFault);
  assert.deepEqual(delivered, ["fits"]);
});

test("roster: intents about names that nobody can have are not kept", () => {
  const roster = new Roster(new SimulatedClock(), "me", () => undefined);
  assert.equal(roster.leaveIntent("x".repeat(256), 5, false), "old");
  assert.equal(roster.joinIntent("x".repeat(255), 5), "news");
});

test("fetches: an answer belongs to its request alone", () => {
  const [one, other] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
  const read = readFetchRequest(fetchRequest("me", "rules", Buffer.from("x"), one));
  assert.deepEqual(read && [read.from, read.name, read.nonce], ["me", "rules", one]);
  const answer = fetchAnswer(Buffer.from("of today"), one);
  assert.equal(readFetchAnswer(answer, one)?.toString(), "of today");
  assert.equal(readFetchAnswer(answer, other), undefined);
  assert.equal(readFetchRequest(fetchRequest("me", "rules", Buffer.alloc(0), Buffer.alloc(17))), null);
});
