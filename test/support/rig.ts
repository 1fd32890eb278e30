// A data plane in the test's own process: one listener in front of one upstream, rules given as specs.

import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { HostPort } from "../../src/core/address.ts";
import type { Authority } from "../../src/core/certificates.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { createDeadlines } from "../../src/core/deadlines.ts";
import { DelayLine } from "../../src/core/delay-line.ts";
import type { Dialect } from "../../src/core/dialect.ts";
import type { Lane, Traffic } from "../../src/core/lane.ts";
import { seededRandom } from "../../src/core/random.ts";
import { createReadBuffers } from "../../src/core/read-buffers.ts";
import type { RuleSpec } from "../../src/core/rule.ts";
import type { RuleSet } from "../../src/core/rule-set.ts";
import { type Deadlines, defaultSettings, type Limits, type Settings } from "../../src/core/settings.ts";
import type { TapEvent } from "../../src/core/tap.ts";
import { createIntake } from "../../src/proxy/accept/intake.ts";
import { type ListenerMode, openListener } from "../../src/proxy/accept/listener.ts";
import { createSecureInlets } from "../../src/proxy/accept/secure-reads.ts";
import { detect } from "../../src/proxy/detect/detect.ts";
import { serverNameOf } from "../../src/proxy/detect/server-name.ts";
import { createShortcut } from "../../src/proxy/kernel/shortcut.ts";
import { createHttp1Lane } from "../../src/proxy/lanes/http1/lane.ts";
import { createHttp2Lane } from "../../src/proxy/lanes/http2/lane.ts";
import { createOpaqueLane } from "../../src/proxy/lanes/opaque/lane.ts";
import { createTlsLane } from "../../src/proxy/lanes/tls/lane.ts";
import { createOpener } from "../../src/proxy/lanes/tls/opener.ts";
import { compileRules } from "../../src/proxy/match/compile.ts";
import { ActiveCalls } from "../../src/proxy/perform/active-calls.ts";
import { planConnectionFault } from "../../src/proxy/perform/connection-fault.ts";
import { decodedBody } from "../../src/proxy/perform/content-encoding.ts";
import { createPlanner } from "../../src/proxy/perform/plan.ts";
import { createStates } from "../../src/proxy/perform/state.ts";
import { createPipeline } from "../../src/proxy/pipeline.ts";
import { connectTcp } from "../../src/proxy/relay/connect-tcp.ts";
import { createSecureDial, type SecureDialDeps } from "../../src/proxy/relay/secure-dial.ts";
import { createDial } from "../../src/proxy/relay/socket-link.ts";
import { ruleSpec } from "./rule-spec.ts";

export interface Rig extends AsyncDisposable {
  readonly address: HostPort;
  readonly events: TapEvent[];
  /** Resolves with the next event that fits, past or future. */
  event(fits: (event: TapEvent) => boolean): Promise<TapEvent>;
  setRules(rules: readonly Partial<RuleSpec>[]): void;
  connect(): Promise<Socket>;
  readonly active: number;
  drain(): Promise<void>;
}

export interface RigOptions {
  readonly upstream?: HostPort;
  readonly mode?: ListenerMode["kind"];
  readonly rules?: readonly Partial<RuleSpec>[];
  readonly dialects?: readonly Dialect[];
  /** Instead of `rules`: the set in force, asked at each call. */
  readonly ruleSet?: () => RuleSet;
  /** Whether faults are stopped; left out: never. */
  readonly faultsHalted?: () => boolean;
  readonly limits?: Partial<Limits>;
  readonly deadlines?: Partial<Deadlines>;
  readonly opaqueHosts?: readonly string[];
  readonly portHints?: Settings["portHints"];
  readonly tickMs?: number;
  /** Left out: the system's. */
  readonly clock?: Clock;
  /** How TLS is opened; `authority` null: it cannot be. Left out: TLS is opaque. */
  readonly tls?: { readonly authority: Authority | null } & Partial<SecureDialDeps>;
}

/** Real sockets on loopback, seeded chance. */
export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const settings: Settings = {
    ...defaultSettings,
    limits: { ...defaultSettings.limits, ...options.limits },
    deadlines: { ...defaultSettings.deadlines, ...options.deadlines },
    opaqueHosts: options.opaqueHosts ?? [],
    portHints: options.portHints ?? defaultSettings.portHints,
  };
  const events: TapEvent[] = [];
  const watchers = new Set<() => void>();
  const random = seededRandom(1);
  const clock = options.clock ?? systemClock;
  let rules = compile(options.rules ?? []);
  let draining = false;
  const opaque = createOpaqueLane({ serverNameOf, detect });
  const lanes = [createHttp1Lane(), createHttp2Lane(opaque), ...tlsLanes(options, opaque)];
  const intake = createIntake({
    detection: new DelayLine(clock, settings.deadlines.detectMs),
    patience: new DelayLine(clock, settings.deadlines.headMs),
    detect,
    lanes,
    opaque,
  });
  const states = createStates(1_000);
  const deadlines = createDeadlines(clock, options.tickMs ?? 20);
  const buffers = createReadBuffers();
  const shortcut = createShortcut((why) => assert.fail(why));
  const traffic: Traffic = createPipeline({
    settings,
    clock,
    random,
    deadlines,
    tap: {
      observe(event) {
        events.push(event);
        for (const watch of watchers) watch();
      },
    },
    dial: createDial({
      clock,
      deadlines,
      connectMs: settings.deadlines.connectMs,
      buffers,
      shortcut,
    }),
    rules: options.ruleSet ?? (() => rules),
    states,
    calls: new ActiveCalls(false),
    faultsHalted: options.faultsHalted ?? (() => false),
    decodeBody: decodedBody,
    faultOf: (spec) => planConnectionFault(spec, { clock, random }),
    destinationOf: (authority) => {
      const [host = "", port = "80"] = authority.split(":");
      return host === "" ? null : { host, port: Number(port) };
    },
    route: (connection, first, protocol) => intake.route(connection, first, protocol, traffic),
    isDraining: () => draining,
  });
  let ids = 0;
  const listener = await openListener(
    { kind: "bind", address: { host: "127.0.0.1", port: 0 }, mode: modeOf(options) },
    {
      maxConnections: settings.limits.maxConnections,
      buffers,
      shortcut,
      nextId: () => String(++ids),
      accept: (connection) => intake.accept(connection, traffic),
      refuse: (socket) => socket.destroy(),
      isOwnAddress: () => false,
    },
  );
  function compile(specs: readonly Partial<RuleSpec>[]): RuleSet {
    const { dialects = [] } = options;
    const planner = createPlanner({
      clock,
      random,
      maxBodyBytes: settings.limits.maxRuleBodyBytes,
      hangMs: settings.deadlines.hangMs,
      dialects,
    });
    const set = compileRules(specs.map(ruleSpec), planner, "test", dialects);
    if ("problems" in set) throw new Error(set.problems.map(({ problem }) => problem.message).join("\n"));
    return set;
  }
  return {
    address: listener.address,
    events,
    event: (fits) =>
      new Promise((resolve) => {
        const look = () => {
          const found = events.find(fits);
          if (!found) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      }),
    setRules: (specs) => {
      rules = compile(specs);
    },
    connect: () => connectTo(listener.address),
    get active() {
      return intake.active;
    },
    drain: () => {
      draining = true;
      return intake.drain();
    },
    async [Symbol.asyncDispose]() {
      await listener.close();
      intake.destroy();
      shortcut.close();
    },
  };
}

function tlsLanes({ tls, deadlines }: RigOptions, opaque: Lane): readonly Lane[] {
  if (!tls) return [];
  const { authority } = tls;
  const inletOf = createSecureInlets(createReadBuffers());
  const secureDial = createSecureDial({
    clock: systemClock,
    connectMs: deadlines?.connectMs ?? 5_000,
    connectTcp,
    inletOf,
    extraRoots: [],
    clientCertificates: [],
    unverified: [],
    ...tls,
  });
  const loadOpener =
    authority && (async (traffic: Traffic) => createOpener({ authority, secureDial, inletOf, traffic }));
  return [createTlsLane({ opaque, loadOpener })];
}

function modeOf(options: RigOptions): ListenerMode {
  const to = options.upstream ?? { host: "127.0.0.1", port: 9 };
  if (options.mode === "proxy") return { kind: "proxy" };
  if (options.mode === "fixed") return { kind: "fixed", to, direction: "outbound" };
  return { kind: "transparent", direction: "outbound", originalDestination: () => to };
}

/** A connected socket that stays half-open when the other side ends. */
export function connectTo(address: HostPort): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address.host, port: address.port, allowHalfOpen: true, noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => undefined);
      resolve(socket);
    });
  });
}

export interface TestServer extends AsyncDisposable {
  readonly address: HostPort;
  readonly server: Server;
}

/** A TCP server on loopback that hands each connection to `serve`. */
export async function openServer(serve: (socket: Socket) => void, port = 0): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  if (!address || typeof address === "string") throw new Error("no address");
  return {
    address: { host: "127.0.0.1", port: address.port },
    server,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Everything a socket sends until its FIN or its end; with how it ended. */
export function drainSocket(socket: Socket): Promise<{ bytes: Buffer; reset: boolean }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const done = (reset: boolean) => resolve({ bytes: Buffer.concat(chunks), reset });
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.once("end", () => done(false));
    socket.once("error", () => done(true));
    socket.once("close", () => done(true));
  });
}

/** Bytes of a socket until they contain `end`. */
export function readUntil(socket: Socket, end: string | RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = "";
    const onData = (chunk: Buffer) => {
      seen += chunk.toString("latin1");
      if (typeof end === "string" ? !seen.includes(end) : !end.test(seen)) return;
      finish();
      resolve(seen);
    };
    const onClose = () => {
      finish();
      reject(new Error(`closed before ${end}; got ${JSON.stringify(seen.slice(0, 500))}`));
    };
    const finish = () => {
      socket.off("data", onData);
      socket.off("close", onClose);
      socket.off("end", onClose);
    };
    socket.on("data", onData);
    socket.on("close", onClose);
    socket.on("end", onClose);
  });
}
