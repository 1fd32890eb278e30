import assert from "node:assert/strict";
import { test } from "node:test";
import { Awareness } from "../../../../src/control/mesh/swim/awareness.ts";
import type { SwimMember } from "../../../../src/control/mesh/swim/member.ts";
import { Membership, type MembershipObserver } from "../../../../src/control/mesh/swim/membership.ts";
import { mergeRemoteState } from "../../../../src/control/mesh/swim/merge.ts";
import { lanTiming } from "../../../../src/control/mesh/swim/timing.ts";
import { ourVersions } from "../../../../src/control/mesh/swim/versions.ts";
import { type Alive, messageType } from "../../../../src/control/mesh/wire/messages.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import { SimulatedClock } from "../simulation/simulated-clock.ts";

const claim = (Node: string, Incarnation = 1, more: Partial<Alive> = {}): Alive => ({
  Node,
  Incarnation,
  Addr: Buffer.of(10, 0, 0, Node.charCodeAt(0)),
  Port: 7_946,
  Meta: Buffer.alloc(0),
  Vsn: ourVersions,
  ...more,
});

/** `chance`: what every roll of the dice gives, from 0 to 1. */
function rig(chance = 0.99) {
  const clock = new SimulatedClock();
  const log: string[] = [];
  const awareness = new Awareness(8);
  const observer: MembershipObserver = {
    joined: ({ name }) => log.push(`joined ${name}`),
    updated: ({ name }) => log.push(`updated ${name}`),
    gone: ({ name, state }) => log.push(`${state} ${name}`),
    conflict: ({ name }) => log.push(`conflict ${name}`),
    suspected: ({ name }, from) => log.push(`suspected ${name} by ${from}`),
    refuted: () => log.push("refuted"),
  };
  const tell = (about: string, message: Buffer) => log.push(`tell ${message[0]} about ${about}`);
  const correct = ({ name }: SwimMember, message: Buffer) => log.push(`correct ${name} by ${message[0]}`);
  const returned = () => log.push("returned");
  const random = { ...seededRandom(1), next: () => chance };
  const told = { awareness, tell, observer, correct, returned, look: () => undefined };
  const table = new Membership({ clock, random, timing: lanTiming, ...told }, claim("self"));
  const heard = () => log.splice(0);
  return { clock, awareness, table, heard, self: () => table.self };
}

const accuse = (Node: string, From: string, Incarnation = 1) => ({ Node, From, Incarnation });

test("membership: who accuses by an old incarnation is told the new one, by the accused and by a few others", () => {
  for (const { chance, answers } of [
    { chance: 0, answers: [`correct b by ${messageType.alive}`] },
    { chance: 0.99, answers: [] },
  ]) {
    const { table, heard } = rig(chance);
    for (const name of ["a", "b", "c", "d", "e"]) table.alive(claim(name, 2));
    heard();
    table.suspect(accuse("a", "b", 1));
    assert.deepEqual(heard(), answers);
    table.dead(accuse("a", "b", 1));
    assert.deepEqual(heard(), answers);
    table.suspect(accuse("a", "self", 1));
    table.dead(accuse("a", "a", 1));
    table.suspect(accuse("a", "stranger", 1));
    assert.deepEqual(heard(), [], "who is to be told must be another one, and there");
  }
  const { table, heard, self } = rig();
  table.alive(claim("b"));
  table.suspect(accuse("self", "b", 1));
  assert.equal(self().incarnation, 2);
  heard();
  table.suspect(accuse("self", "b", 1));
  assert.deepEqual(heard(), [`correct b by ${messageType.alive}`], "the accused itself always answers");
});

test("membership: a newer incarnation is believed and told on, an older or equal one is not", () => {
  const { table, heard } = rig();
  table.alive(claim("a", 5));
  assert.deepEqual(heard(), [`tell ${messageType.alive} about a`, "joined a"]);
  table.alive(claim("a", 5, { Meta: Buffer.from("x") }));
  table.alive(claim("a", 4));
  assert.deepEqual(heard(), []);
  table.alive(claim("a", 6, { Meta: Buffer.from("x") }));
  assert.deepEqual(heard(), [`tell ${messageType.alive} about a`, "updated a"]);
});

test("membership: claims that no member can make are dropped", () => {
  const { table, heard } = rig();
  table.alive(claim("a", 0));
  table.alive(claim("b", 1, { Meta: Buffer.alloc(513) }));
  table.alive(claim("c", 1, { Addr: Buffer.alloc(5) }));
  table.alive(claim("d", 1, { Port: 0 }));
  table.alive(claim("", 1));
  table.alive(claim("e", 1, { Vsn: Buffer.of(3, 2, 2, 2, 5, 5) }));
  assert.deepEqual(heard(), []);
  assert.equal(table.live, 1);
});

test("membership: who does not refute in time is dead; confirmations shorten the time", () => {
  const { clock, table, heard } = rig();
  for (const name of ["a", "b", "c", "d"]) table.alive(claim(name));
  heard();
  table.suspect(accuse("a", "b"));
  assert.deepEqual(heard(), ["tell 3 about a", "suspected a by b"]);
  table.suspect(accuse("a", "b"));
  assert.deepEqual(heard(), []);
  table.suspect(accuse("a", "c"));
  table.suspect(accuse("a", "d"));
  table.suspect(accuse("a", "self"));
  assert.deepEqual(heard(), ["tell 3 about a", "tell 3 about a"]);
  clock.run(3_900);
  assert.deepEqual(heard(), []);
  clock.run(200);
  assert.deepEqual(heard(), ["tell 5 about a", "dead a"]);
});

test("membership: an unconfirmed suspicion lasts six times as long; a refutation ends it", () => {
  const { clock, table, heard } = rig();
  for (const name of ["a", "b", "c", "d"]) table.alive(claim(name));
  table.suspect(accuse("a", "b"));
  clock.run(23_000);
  assert.equal(table.list.get("a")?.state, "suspect");
  table.alive(claim("a", 2));
  clock.run(60_000);
  assert.equal(table.list.get("a")?.state, "alive");
  heard();
  table.suspect(accuse("a", "b", 2));
  clock.run(23_900);
  assert.equal(table.list.get("a")?.state, "suspect");
  clock.run(200);
  assert.equal(table.list.get("a")?.state, "dead");
});

test("membership: who answers us meanwhile gets its time anew", () => {
  const { clock, table } = rig();
  table.alive(claim("a"));
  table.suspect(accuse("a", "self"));
  clock.run(3_900); // two members: nobody could confirm, so the shortest time holds
  assert.equal(table.answered("a"), true);
  clock.run(3_900);
  assert.equal(table.list.get("a")?.state, "suspect");
  clock.run(200);
  assert.equal(table.list.get("a")?.state, "dead");
  assert.equal(table.answered("a"), false);
});

test("membership: what is said against us is refuted with a higher incarnation", () => {
  const { table, heard, self, awareness } = rig();
  table.suspect(accuse("self", "a", 3));
  assert.equal(self().incarnation, 4);
  table.dead(accuse("self", "a", 9));
  assert.equal(self().incarnation, 10);
  table.alive(claim("self", 12, { Meta: Buffer.from("of a former life") }));
  assert.equal(self().incarnation, 13);
  table.alive(claim("self", 13));
  table.suspect(accuse("self", "a", 2));
  assert.equal(self().incarnation, 13);
  assert.deepEqual(heard(), [
    "tell 4 about self",
    "refuted",
    "tell 4 about self",
    "refuted",
    "tell 4 about self",
    "refuted",
  ]);
  assert.equal(awareness.score, 3);
  table.suspect(accuse("self", "a", 0xffff_ffff));
  assert.equal(self().incarnation, 0xffff_ffff);
});

test("membership: a farewell makes it left, which is told; a leaving member contradicts nobody", () => {
  const { table, heard, self } = rig();
  table.alive(claim("a"));
  heard();
  table.dead(accuse("a", "a"));
  assert.deepEqual(heard(), ["tell 5 about a", "left a"]);
  table.dead(accuse("a", "b"));
  table.suspect(accuse("a", "b"));
  assert.deepEqual(heard(), []);
  table.leave();
  table.leave();
  assert.equal(self().state, "left");
  heard();
  table.dead(accuse("self", "b", 7));
  table.alive(claim("self", 8));
  assert.deepEqual(heard(), []);
});

test("membership: another address is a conflict, unless the member left or has been dead for long", () => {
  const { clock, table, heard } = rig();
  const elsewhere = { Addr: Buffer.of(10, 9, 9, 9) };
  table.alive(claim("a"));
  heard();
  table.alive(claim("a", 2, elsewhere));
  assert.deepEqual(heard(), ["conflict a"]);
  table.dead(accuse("a", "b"));
  table.alive(claim("a", 2, elsewhere));
  clock.run(31_000);
  heard();
  table.alive(claim("a", 1, elsewhere));
  assert.equal(table.list.get("a")?.host, "10.9.9.9");
  assert.deepEqual(heard(), ["tell 4 about a", "returned", "joined a"]);
});

test("membership: the dead are forgotten after a while, and probes follow the ring", () => {
  const { clock, table } = rig();
  for (const name of ["a", "b", "c"]) table.alive(claim(name));
  table.dead(accuse("a", "b"));
  const probed = new Set<string | undefined>();
  for (let i = 0; i < 40; i++) {
    probed.add(table.nextToProbe()?.name);
    clock.run(1_000);
  }
  assert.deepEqual([...probed].sort(), ["b", "c"]);
  assert.equal(table.list.get("a"), undefined);
  assert.equal(table.list.size, 3);
});

test("merge: the alive are believed, the left have left, the dead are only suspected", () => {
  const { table } = rig();
  for (const name of ["a", "b", "c"]) table.alive(claim(name));
  const node = (Name: string, State: number) => ({ ...claim(Name, 2), Name, State });
  const nodes = [node("a", 2), node("b", 3), node("c", 0), node("d", 0), node("e", 2), node("f", 9)];
  let asked = 0;
  assert.equal(
    mergeRemoteState(table, { join: false, nodes, userState: Buffer.alloc(0) }, () => asked++),
    null,
  );
  const states = ["a", "b", "c", "d", "e", "f"].map((name) => table.list.get(name)?.state);
  assert.deepEqual(states, ["suspect", "left", "alive", "alive", undefined, undefined]);
  assert.equal(asked, 1);
});

for (const [why, vsn] of [
  ["of another delegate version", [1, 5, 2, 0, 0, 0]],
  ["newer than ours", [1, 5, 2, 6, 7, 7]],
  ["of another protocol", [1, 5, 7, 2, 5, 5]],
] as const)
  test(`merge: a state with a member ${why} is refused whole`, () => {
    const { table } = rig();
    const nodes = [{ ...claim("a"), Name: "a", State: 0, Vsn: Buffer.from(vsn) }];
    assert.match(
      mergeRemoteState(table, { join: true, nodes, userState: Buffer.alloc(0) }, () => assert.fail()) ?? "",
      /versions/,
    );
    assert.equal(table.live, 1);
  });
