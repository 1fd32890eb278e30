// One HTTP/2 session without sockets and without time: what it reads is given to it in pieces of any size, what it writes is
// kept as frames. Cheap enough to say everything anew for every place where it can be cut in two.

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Connection } from "../../../src/core/connection.ts";
import type { Deadlines } from "../../../src/core/deadlines.ts";
import type { InletSink } from "../../../src/core/inlet.ts";
import type { Lane, Traffic } from "../../../src/core/lane.ts";
import type { Link, LinkEvents } from "../../../src/core/link.ts";
import { seededRandom } from "../../../src/core/random.ts";
import type { RuleSpec } from "../../../src/core/rule.ts";
import type { RuleSet } from "../../../src/core/rule-set.ts";
import { defaultSettings } from "../../../src/core/settings.ts";
import type { CallEvent, TapEvent } from "../../../src/core/tap.ts";
import { preface } from "../../../src/proxy/lanes/http2/frames.ts";
import { createHttp2Lane } from "../../../src/proxy/lanes/http2/lane.ts";
import { compileRules } from "../../../src/proxy/match/compile.ts";
import { ActiveCalls } from "../../../src/proxy/perform/active-calls.ts";
import { decodedBody } from "../../../src/proxy/perform/content-encoding.ts";
import { createPlanner } from "../../../src/proxy/perform/plan.ts";
import { createStates } from "../../../src/proxy/perform/state.ts";
import { createPipeline } from "../../../src/proxy/pipeline.ts";
import type { RawFrame } from "../../proxy/lanes/http2/raw-peer.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { ruleSpec } from "../../support/rule-spec.ts";

const destination = { host: "127.0.0.1", port: 9 };
const noDeadlines: Deadlines = { add: () => undefined, remove: () => undefined };
const noLane: Lane = {
  protocols: [],
  serve() {
    throw new Error("a rule concerns the connection: it is not opaque");
  },
};

/** What was written to one side. */
export class Written {
  readonly #chunks: Buffer[] = [];
  readonly #skip: number;
  /** How the session ended it. */
  ended: "open" | "fin" | "rst" = "open";

  /** `skip`: octets before the first frame. */
  constructor(skip: number) {
    this.#skip = skip;
  }

  add(bytes: Uint8Array): void {
    this.#chunks.push(Buffer.from(bytes));
  }

  /** Whole frames so far. */
  get frames(): readonly RawFrame[] {
    const bytes = Buffer.concat(this.#chunks).subarray(this.#skip);
    const frames: RawFrame[] = [];
    for (let at = 0; at + 9 <= bytes.length; ) {
      const to = at + 9 + bytes.readUIntBE(at, 3);
      if (to > bytes.length) break;
      const [type = 0, flags = 0] = bytes.subarray(at + 3, at + 5);
      const stream = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
      frames.push({ type, flags, stream, payload: bytes.subarray(at + 9, to) });
      at = to;
    }
    return frames;
  }
}

export interface MemorySession {
  fromClient(bytes: Buffer): void;
  /** On the link that was dialled last. */
  fromUpstream(bytes: Buffer): void;
  readonly toClient: Written;
  /** One for each link that was dialled. */
  readonly toUpstream: readonly Written[];
  readonly calls: readonly CallEvent[];
}

/** The rules of all sessions of a test; compiled once. */
export function memorySessions(specs: readonly Partial<RuleSpec>[]): () => MemorySession {
  const clock = manualClock();
  const random = seededRandom(1);
  const { limits, deadlines } = defaultSettings;
  const planner = createPlanner({
    ...{ clock, random, dialects: [] },
    ...{ maxBodyBytes: limits.maxRuleBodyBytes, hangMs: deadlines.hangMs },
  });
  const rules = compileRules(specs.map(ruleSpec), planner, "test", []);
  if ("problems" in rules) throw new Error(rules.problems.map(({ problem }) => problem.message).join("\n"));
  return () => openSession(rules, clock, random);
}

function openSession(
  rules: RuleSet,
  clock: ReturnType<typeof manualClock>,
  random: ReturnType<typeof seededRandom>,
): MemorySession {
  const calls: CallEvent[] = [];
  const links: { readonly written: Written; readonly events: LinkEvents }[] = [];
  const traffic: Traffic = createPipeline({
    ...{ settings: defaultSettings, clock, random, deadlines: noDeadlines, decodeBody: decodedBody },
    tap: { observe: (event: TapEvent) => void (event.kind === "call" && calls.push(event)) },
    dial(upstream, events) {
      const written = new Written(preface.length);
      links.push({ written, events });
      return linkTo(upstream, written);
    },
    rules: () => rules,
    states: createStates(10),
    calls: new ActiveCalls(false),
    faultsHalted: () => false,
    faultOf: () => null,
    destinationOf: () => null,
    route: () => undefined,
    isDraining: () => false,
  });
  const toClient = new Written(0);
  let sink: InletSink = () => true;
  createHttp2Lane(noLane).serve(
    connectionOf(toClient, (given) => {
      sink = given;
    }),
    null,
    traffic,
    "http/2",
  );
  return {
    ...{ toClient, calls },
    // A copy, overwritten behind the call as the buffer of a socket is: whoever kept it shows.
    fromClient: (bytes) => lend(bytes, (copy) => sink(copy)),
    fromUpstream: (bytes) => lend(bytes, (copy) => links.at(-1)?.events.data(copy) ?? true),
    get toUpstream() {
      return links.map(({ written }) => written);
    },
  };
}

function lend(bytes: Buffer, read: (copy: Buffer) => boolean): void {
  const copy = Buffer.from(bytes);
  if (read(copy)) copy.fill(0xff);
}

function linkTo(upstream: Link["upstream"], written: Written): Link {
  return {
    upstream,
    write(chunk) {
      written.add(chunk);
      return true;
    },
    holdsBytes: false,
    end: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    released: () => undefined,
    destroy(reset) {
      if (written.ended === "open") written.ended = reset ? "rst" : "fin";
    },
  };
}

function connectionOf(written: Written, reads: (sink: InletSink) => void): Connection {
  const stream = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      written.add(chunk);
      done();
    },
    final(done) {
      written.ended = "fin";
      done();
    },
  });
  const connection: Connection = {
    id: "1",
    direction: "outbound",
    downstream: destination,
    originalDestination: destination,
    mode: "fixed",
    // Of a socket, lanes use besides a stream's own only resetAndDestroy, and that in transparent mode.
    socket: stream as unknown as Socket,
    inlet: { direct: (sink) => reads(sink ?? (() => true)), write: (bytes) => stream.write(bytes) },
    signal: new AbortController().signal,
    tunnelTo: () => connection,
  };
  return connection;
}

/** `bytes` in two pieces, for every place where they can be cut, and octet by octet. Floods: near their ends alone. */
export function* everyCut(bytes: Buffer): Generator<readonly [how: string, pieces: readonly Buffer[]]> {
  const isLong = bytes.length > 2_000;
  yield ["in one piece", [bytes]];
  for (let at = 1; at < bytes.length; at++)
    if (!isLong || at < 40 || at > bytes.length - 10)
      yield [`cut at ${at} of ${bytes.length}`, [bytes.subarray(0, at), bytes.subarray(at)]];
  if (!isLong) yield ["octet by octet", Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))];
}
