// Every feature of rules, over every wire: whoever writes a rule need not know which version of HTTP his calls are made in.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultSpec, MatchSpec, RuleSpec } from "../../src/core/rule.ts";
import type { RigOptions } from "../support/rig.ts";
import { noFault, replyWith, wideScope } from "../support/rule-spec.ts";
import { type Line, wires } from "./wires.ts";

const path = (value: string): MatchSpec => ({ path: { op: "exact", value } });
const mock = (match: MatchSpec, text = "mocked"): Partial<RuleSpec> => ({
  name: "m",
  matches: [match],
  respond: replyWith(text),
});
const fault = (given: Partial<FaultSpec>, match: MatchSpec = path("/f")): Partial<RuleSpec> => ({
  name: "f",
  matches: [match],
  fault: { ...noFault, ...given },
});
const message = { setHeaders: [], removeHeaders: [], json: null, body: null };

interface Feature {
  readonly what: string;
  readonly rules: readonly Partial<RuleSpec>[];
  readonly options?: Partial<RigOptions>;
  readonly check: (line: Line) => Promise<void>;
}

/** What is asked for at `asked` is mocked, what is asked for at `other` goes through. */
function matching(
  what: string,
  match: MatchSpec,
  asked: Parameters<Line["ask"]>[0],
  other: typeof asked,
): Feature {
  return {
    what: `matches ${what}`,
    rules: [mock(match)],
    check: async ({ ask }) => {
      assert.equal((await ask(asked)).body.toString(), "mocked");
      const relayed = await ask(other);
      assert.equal(relayed.headers["x-server"], "echo");
      assert.ok(relayed.whole);
    },
  };
}

const features: readonly Feature[] = [
  matching("a path", path("/m"), { path: "/m" }, { path: "/n" }),
  matching(
    "a method",
    { method: { op: "exact", value: "PUT" } },
    { path: "/", method: "PUT" },
    { path: "/" },
  ),
  matching(
    "a header",
    { headers: [{ name: "x-tenant", match: { op: "exact", value: "a" } }] },
    { path: "/", headers: { "x-tenant": "a" } },
    { path: "/", headers: { "x-tenant": "b" } },
  ),
  matching(
    "a body",
    { body: { op: "contains", value: "needle" } },
    { path: "/", body: "hay needle hay" },
    { path: "/", body: "hay" },
  ),
  matching("an expression", { expr: 'request.method == "POST"' }, { path: "/", body: "x" }, { path: "/" }),
  {
    what: "relays a request with a body, and a response with trailers",
    rules: [mock(path("/m"))],
    check: async ({ ask }) => {
      const answer = await ask({ path: "/r?q=1", body: "hello", headers: { "x-a": "1" } });
      const seen = JSON.parse(answer.body.toString());
      assert.partialDeepStrictEqual(seen, {
        method: "POST",
        path: "/r?q=1",
        body: "hello",
        headers: { "x-a": "1" },
      });
      assert.equal(answer.trailers["x-bytes"], String(answer.body.length));
    },
  },
  {
    what: "respond: status, headers, trailers, and no body for HEAD",
    rules: [
      {
        ...mock(path("/m")),
        respond: replyWith("hi", { status: 418, headers: [["X-Kind", "Pot"]], trailers: [["x-sum", "9"]] }),
      },
    ],
    check: async ({ ask }) => {
      const answer = await ask({ path: "/m" });
      assert.equal(answer.status, 418);
      assert.equal(answer.headers["x-kind"], "Pot");
      assert.equal(answer.trailers["x-sum"], "9");
      const head = await ask({ path: "/m", method: "HEAD" });
      assert.deepEqual([head.status, head.body.length], [418, 0]);
    },
  },
  {
    what: "respond: a body larger than every window",
    rules: [mock(path("/m"), "y".repeat(300_000))],
    check: async ({ ask }) => {
      const answer = await ask({ path: "/m" });
      assert.ok(answer.whole);
      assert.equal(answer.body.toString(), "y".repeat(300_000));
    },
  },
  {
    what: "respond: a template sees the request",
    rules: [
      {
        ...mock(path("/m")),
        respond: replyWith("{{request.method}} {{request.body}}", { template: true }),
      },
    ],
    check: async ({ ask }) => assert.equal((await ask({ path: "/m", body: "b" })).body.toString(), "POST b"),
  },
  {
    what: "respond: replies in turn",
    rules: [
      {
        ...mock(path("/m")),
        respond: {
          kind: "cycle",
          replies: ["1", "2"].flatMap((text) => {
            const given = replyWith(text);
            return given.kind === "reply" ? [given.reply] : [];
          }),
        },
      },
    ],
    check: async ({ ask }) => {
      const bodies: string[] = [];
      for (let i = 0; i < 3; i++) bodies.push((await ask({ path: "/m" })).body.toString());
      assert.deepEqual(bodies, ["1", "2", "1"]);
    },
  },
  {
    what: "state: moves on from call to call",
    rules: [
      {
        ...mock(path("/m"), "first"),
        name: "a",
        priority: 50,
        state: { name: "s", key: null, is: "initial", becomes: "done" },
      },
      { ...mock(path("/m"), "later"), name: "b" },
    ],
    check: async ({ ask }) => {
      assert.equal((await ask({ path: "/m" })).body.toString(), "first");
      assert.equal((await ask({ path: "/m" })).body.toString(), "later");
    },
  },
  {
    what: "fault: delay holds the call, and nothing else",
    rules: [fault({ delay: { type: "fixed", ms: 80 } })],
    check: async ({ ask }) => {
      const order: string[] = [];
      const slow = ask({ path: "/f" }).then((answer) => order.push(`slow ${answer.status}`));
      await ask({ path: "/n" });
      order.push("quick");
      await slow;
      assert.deepEqual(order, ["quick", "slow 200"]);
    },
  },
  {
    what: "fault: abort with a status",
    rules: [fault({ abort: { kind: "httpStatus", status: 503 } })],
    check: async ({ ask, rig }) => {
      assert.equal((await ask({ path: "/f" })).status, 503);
      assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), {
        outcome: "aborted",
        flags: ["FI"],
      });
    },
  },
  ...(["reset", "close"] as const).map(
    (kind): Feature => ({
      what: `fault: abort by ${kind} gives no answer`,
      rules: [fault({ abort: { kind } })],
      check: async ({ ask }) => {
        const answer = await ask({ path: "/f" });
        assert.deepEqual([answer.status, answer.whole], [0, false]);
      },
    }),
  ),
  {
    what: "fault: abort by silence lasts until the client leaves",
    rules: [fault({ abort: { kind: "hang" } })],
    check: async ({ ask, rig }) => {
      const answer = await ask({ path: "/f", leaveAfterMs: 60 });
      assert.deepEqual([answer.status, answer.whole], [0, false]);
      assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), { rule: "f" });
    },
  },
  {
    what: "fault: truncate cuts behind so many bytes",
    rules: [fault({ truncate: { afterBytes: 1_000 } }, path("/bytes/5000"))],
    check: async ({ ask }) => {
      const answer = await ask({ path: "/bytes/5000" });
      assert.deepEqual([answer.status, answer.body.length, answer.whole], [200, 1_000, false]);
    },
  },
  {
    what: "fault: corrupt keeps the length",
    rules: [fault({ corrupt: { probability: 1, seed: 7 } }, path("/bytes/500"))],
    check: async ({ ask }) => {
      const answer = await ask({ path: "/bytes/500" });
      assert.equal(answer.body.length, 500);
      assert.ok(answer.body.every((octet) => octet !== 0x78));
    },
  },
  {
    what: "fault: throttle and slice keep every byte",
    rules: [
      fault(
        {
          throttle: { upBytesPerSecond: null, downBytesPerSecond: 200_000 },
          slice: { bytes: 3_000, delayMs: 1 },
        },
        path("/bytes/20000"),
      ),
    ],
    check: async ({ ask }) => {
      const answer = await ask({ path: "/bytes/20000" });
      assert.deepEqual([answer.body.length, answer.whole], [20_000, true]);
    },
  },
  {
    what: "patch: request headers and body, response status, headers and JSON",
    rules: [
      {
        name: "p",
        matches: [path("/p")],
        patch: {
          request: { ...message, setHeaders: [["x-new", "1"]], removeHeaders: ["x-old"], body: "patched" },
          response: { ...message, status: 202, json: { kind: "merge", value: { added: true } } },
        },
      },
    ],
    check: async ({ ask }) => {
      const answer = await ask({ path: "/p", body: "plain", headers: { "x-old": "1" } });
      const seen = JSON.parse(answer.body.toString());
      assert.equal(answer.status, 202);
      assert.partialDeepStrictEqual(seen, { added: true, body: "patched", headers: { "x-new": "1" } });
      assert.equal(seen.headers["x-old"], undefined);
    },
  },
  {
    what: "scope: a percentage of 0 disturbs nothing",
    // The other rule opens TLS, which one for nobody does not.
    rules: [
      { ...mock(path("/m")), scope: { ...wideScope, percentage: 0 } },
      { ...mock(path("/other")), name: "o" },
    ],
    check: async ({ ask }) => assert.equal((await ask({ path: "/m" })).headers["x-server"], "echo"),
  },
  {
    what: "scope: a header opts in",
    rules: [
      {
        ...mock(path("/m")),
        scope: { ...wideScope, headers: [{ name: "x-chaos", match: { op: "exact", value: "on" } }] },
      },
    ],
    check: async ({ ask }) => {
      assert.equal((await ask({ path: "/m" })).headers["x-server"], "echo");
      assert.equal((await ask({ path: "/m", headers: { "x-chaos": "on" } })).body.toString(), "mocked");
    },
  },
  {
    what: "events: a mocked call names its rule, a relayed one none",
    rules: [mock(path("/m"))],
    check: async ({ ask, rig }) => {
      await ask({ path: "/m" });
      await ask({ path: "/n" });
      const calls = rig.events.filter(({ kind }) => kind === "call");
      const seen = calls.map(
        (event) => event.kind === "call" && [event.path, event.rule, event.outcome, event.status],
      );
      assert.deepEqual(seen, [
        ["/m", "m", "mocked", 200],
        ["/n", null, "relayed", 200],
      ]);
    },
  },
];

for (const wire of wires)
  for (const { what, rules, options, check } of features)
    test(`${wire.name}: ${what}`, async () => {
      await using line = await wire.open(rules, options);
      await check(line);
    });
