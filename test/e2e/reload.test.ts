// Rules reloaded a thousand times under load: no call is lost, and none sees a mix of two rule sets.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { createRuleStore } from "../../src/control/rules/store.ts";
import { systemClock } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";
import { noRules } from "../../src/core/rule-set.ts";
import type { RuleSource } from "../../src/core/rule-source.ts";
import { compileRules } from "../../src/proxy/match/compile.ts";
import { createPlanner } from "../../src/proxy/perform/plan.ts";
import { openRig, openServer, readUntil } from "../support/rig.ts";
import { replyWith, ruleSpec } from "../support/rule-spec.ts";

const reloads = 1_000;

/** Revision n mocks /head by its head alone and /body by its body, both saying n; even ones also claim /sometimes. */
function rulesOf(revision: number) {
  const path = (value: string) => ({ op: "exact", value }) as const;
  const text = `<${revision}>`;
  const headers = [["X-Revision", String(revision)]] as const;
  return [
    ruleSpec({ name: "head", matches: [{ path: path("/head") }], respond: replyWith(text, { headers }) }),
    ruleSpec({
      name: "body",
      matches: [{ path: path("/body"), body: { op: "contains", value: "yes" } }],
      respond: replyWith(text, { headers, template: true }),
    }),
    ...(revision % 2 === 0
      ? [ruleSpec({ name: "sometimes", matches: [{ path: path("/sometimes") }], respond: replyWith("mock") })]
      : []),
  ];
}

test("reload: 1,000 rule sets under load, no call lost or torn", { timeout: 60_000 }, async () => {
  await using upstream = await openServer((socket) => {
    socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nreal"));
  });
  let publish: () => void = () => undefined;
  let revision = 0;
  const source: RuleSource = {
    name: "test",
    async *watch(signal) {
      while (!signal.aborted) {
        yield { revision: String(revision), rules: rulesOf(revision), problems: [] };
        await new Promise<void>((resolve) => {
          publish = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
    },
  };
  const stop = new AbortController();
  let applied: () => void = () => undefined;
  const plan = createPlanner({
    clock: systemClock,
    random: seededRandom(1),
    maxBodyBytes: 1_000,
    hangMs: 1_000,
  });
  const store = createRuleStore({
    sources: [source],
    compile: async (specs, id) => compileRules(specs, plan, id),
    empty: noRules,
    tap: { observe: (event) => void (event.kind === "rules-applied" && applied()) },
    clock: systemClock,
  });
  await store.start(stop.signal);
  await using rig = await openRig({ upstream: upstream.address, ruleSet: () => store.rules() });

  let calls = 0;
  let done = false;
  const client = async (request: string, end: RegExp) => {
    const socket = connect({ port: rig.address.port, host: "127.0.0.1" });
    await once(socket, "connect");
    let last = 0;
    while (!done) {
      socket.write(request);
      const seen = await readUntil(socket, end);
      calls++;
      const said = /X-Revision: (\d+)[\s\S]*<(\d+)>/.exec(seen);
      if (!said) continue;
      assert.equal(said[1], said[2], "head and body of one reply come from two rule sets");
      assert.ok(Number(said[1]) >= last, "an older rule set came back");
      last = Number(said[1]);
    }
    socket.destroy();
  };
  const clients = [
    client("GET /head HTTP/1.1\r\nHost: x\r\n\r\n", />$/),
    client("GET /head HTTP/1.1\r\nHost: x\r\n\r\n", />$/),
    client("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nyes", />$/),
    client("GET /sometimes HTTP/1.1\r\nHost: x\r\n\r\n", /(?:mock|real)$/),
    client("GET /relayed HTTP/1.1\r\nHost: x\r\n\r\n", /real$/),
  ];
  while (revision < reloads) {
    const swapped = new Promise<void>((resolve) => {
      applied = resolve;
    });
    revision++;
    publish();
    await swapped;
    for (const before = calls; calls === before; ) await new Promise(setImmediate);
  }
  done = true;
  await Promise.all(clients);
  stop.abort();
  assert.equal(store.status().reloads, reloads + 1);
  assert.ok(calls > reloads, `${calls} calls`);
  const ended = rig.events.filter((event) => event.kind === "call");
  assert.equal(ended.length, calls);
  assert.deepEqual(
    ended.filter((call) => call.flags.length > 0 || call.status !== 200),
    [],
  );
});
