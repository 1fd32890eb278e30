import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Roster, type Seated } from "../../src/core/roster.ts";

interface Member extends Seated {
  readonly name: string;
}

const member = (name: string): Member => ({ name, seat: -1 });

function namesIn(roster: Roster<Member>): readonly string[] {
  const names: string[] = [];
  roster.each(({ name }) => names.push(name));
  return names.sort();
}

describe("a roster", () => {
  it("holds who came and has not left", () => {
    const roster = new Roster<Member>();
    const [a, b, c] = [member("a"), member("b"), member("c")];
    for (const one of [a, b, c]) roster.add(one);
    roster.remove(a);
    assert.deepEqual(namesIn(roster), ["b", "c"]);
    roster.remove(c);
    roster.remove(b);
    assert.equal(roster.size, 0);
  });

  it("takes a member once, and lets it go once", () => {
    const roster = new Roster<Member>();
    const [a, b] = [member("a"), member("b")];
    roster.add(a);
    roster.add(a);
    roster.add(b);
    roster.remove(a);
    roster.remove(a);
    assert.deepEqual(namesIn(roster), ["b"]);
    roster.add(a);
    assert.deepEqual(namesIn(roster), ["a", "b"]);
  });

  it("visits everybody who stays, whoever leaves during the visits", () => {
    const all = ["a", "b", "c", "d", "e"].map(member);
    for (const leaving of all)
      for (const during of all) {
        const roster = new Roster<Member>();
        for (const one of all) roster.add(one);
        const visited = new Set<string>();
        roster.each((one) => {
          visited.add(one.name);
          if (one === during) roster.remove(leaving);
        });
        const stay = all.filter((one) => one !== leaving).map(({ name }) => name);
        for (const name of stay) assert.ok(visited.has(name), `${name}, while ${leaving.name} left`);
        assert.deepEqual(namesIn(roster), stay);
        for (const one of all) roster.remove(one);
      }
  });
});
