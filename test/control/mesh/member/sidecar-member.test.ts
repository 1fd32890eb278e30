// A sidecar's membership on real sockets: a mesh that cannot start harms nobody and starts later, and what it says arrives.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { SidecarMember } from "../../../../src/control/mesh/member/sidecar-member.ts";
import type { SidecarFacts } from "../../../../src/control/mesh/member/sidecar-tags.ts";
import type { HostPort } from "../../../../src/core/address.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { neverStopped } from "../../../../src/core/fault-stop.ts";
import { systemRandom } from "../../../../src/core/random.ts";
import { eventually } from "../../../support/store-servers.ts";

const facts: SidecarFacts = {
  ...{ version: "1", service: "cart", namespace: null, zone: null, state: "serving", app: null },
  ...{ revision: "", index: null, rulesRefused: false, faults: 0, stop: neverStopped },
};

function memberAt(t: TestContext, name: string, bind: HostPort, join: readonly HostPort[] = []) {
  const troubles: string[] = [];
  const heard: string[] = [];
  const said = { facts };
  const member = new SidecarMember(
    {
      ...{ bind, name, advertise: null, keys: [], keyFile: null, label: null, openWithoutKeys: false },
      join: join.map((at) => ({ kind: "address" as const, at })),
    },
    {
      ...{ clock: systemClock, random: systemRandom },
      tap: { observe: (event) => event.kind === "trouble" && troubles.push(event.message) },
      sources: { lookUp: async () => [], inStore: null },
      facts: () => said.facts,
      onMember: ({ name: who }, { faults }) => heard.push(`${who} ${faults}`),
      onBroadcast: (broadcast) => heard.push(`broadcast ${broadcast.name}`),
      onQuestion: ({ name: asked }) => Buffer.from(`${asked}?`),
      newId: () => "id",
    },
  );
  t.after(() => member.close());
  return { member, troubles, heard, said };
}

test("member: a port that is taken is told, and taken as soon as it is free", async (t) => {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as { port: number };
  const bind = { host: "127.0.0.1", port };
  await assert.rejects(memberAt(t, "strict", bind).member.start(true), { code: "bad_config" });
  const { member, troubles } = memberAt(t, "patient", bind);
  await member.start(false);
  assert.match(troubles[0] ?? "", /^gossip: cannot listen on 127\.0\.0\.1/);
  assert.match(member.standing(), /^mesh: away: gossip: cannot listen/);
  await assert.rejects(member.request("members", {}), { code: "aborted" });
  member.broadcast("nobody", Buffer.from("hears"));
  assert.match((await member.report()).problem, /cannot listen/);
  holder.close();
  await eventually("it listens after all", () => member.address?.port === port);
  assert.equal((await member.report()).problem, "");
  assert.match(member.standing(), /^mesh: 1 of 1 members alive, as patient at 127\.0\.0\.1/);
});

test("member: changes of what is said, broadcasts and questions arrive; the lost thread is replaced", async (t) => {
  const free = { host: "127.0.0.1", port: 0 };
  const one = memberAt(t, "one", free);
  await one.member.start(true);
  const two = memberAt(t, "two", free, one.member.address ? [one.member.address] : []);
  await two.member.start(true);
  await two.member.tried;
  await eventually(
    "both know both",
    () => one.member.members.length === 2 && two.member.members.length === 2,
  );
  two.said.facts = { ...facts, faults: 3 };
  two.member.changed(true);
  await eventually("the change is heard", () => one.heard.includes("two 3"));
  two.member.broadcast("hello", Buffer.from("all"));
  await eventually("the broadcast is heard", () => one.heard.includes("broadcast hello"));
  const answer = await one.member.request("fetch", {
    ...{ member: "two", name: "who", payload: new Uint8Array(0), timeoutMs: 5_000 },
  });
  assert.equal(Buffer.from(answer ?? []).toString(), "who?");
  // As when the thread dies: it is closed behind the back of its host.
  await two.member.request("close", {}).catch(() => undefined);
  await eventually("the loss is told", () => two.troubles.length > 0);
  await eventually(
    "a new thread has joined",
    () => two.member.address !== null && two.member.members.length === 2,
  );
});
