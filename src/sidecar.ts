// The composition root. Reads in the order in which a connection meets the parts: accept, detect, lanes, match,
// perform, relay, tap; then the control plane beside it. It is long because everything meets here, and only here.

import type { Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { type HostPort, splitAuthority } from "./core/address.ts";
import { sleep } from "./core/clock.ts";
import type { Connection } from "./core/connection.ts";
import { createDeadlines, type Deadlines } from "./core/deadlines.ts";
import type { Dialect } from "./core/dialect.ts";
import { UnderstudyError } from "./core/errors.ts";
import type { Traffic } from "./core/lane.ts";
import type { Dial } from "./core/link.ts";
import { readProcessUsage } from "./core/process-usage.ts";
import { createReadBuffers, type ReadBuffers } from "./core/read-buffers.ts";
import { type Compile, noRules } from "./core/rule-set.ts";
import { formatProblem } from "./core/rule-source.ts";
import { type Tap, teeTaps } from "./core/tap.ts";
import { runInTurns } from "./core/turns.ts";
import { Gate } from "./proxy/accept/gate.ts";
import { createIntake } from "./proxy/accept/intake.ts";
import { type Listener, openListener } from "./proxy/accept/listener.ts";
import { isLoopback, wouldLoop } from "./proxy/accept/loop-guard.ts";
import { detect } from "./proxy/detect/detect.ts";
import { serverNameOf } from "./proxy/detect/server-name.ts";
import type { createDialects, DialectDeps } from "./proxy/lanes/dialects/all.ts";
import { createHttp1Lane } from "./proxy/lanes/http1/lane.ts";
import { createHttp2Lane } from "./proxy/lanes/http2/lane.ts";
import { createOpaqueLane } from "./proxy/lanes/opaque/lane.ts";
import { createTlsLane, type TlsLaneDeps } from "./proxy/lanes/tls/lane.ts";
import { planConnectionFault } from "./proxy/perform/connection-fault.ts";
import { decodedBody } from "./proxy/perform/content-encoding.ts";
import { createStates } from "./proxy/perform/state.ts";
import { createPipeline } from "./proxy/pipeline.ts";
import { createInsideDial } from "./proxy/relay/adopted-link.ts";
import { createDial } from "./proxy/relay/socket-link.ts";
import { createJournal } from "./proxy/tap/journal.ts";
import { createMetrics } from "./proxy/tap/metrics.ts";
import { type Changes, faultBrake, type Observed, type OpenRules, startControl } from "./sidecar-control.ts";
import { meshFamilies } from "./sidecar-mesh-metrics.ts";
import type { SidecarDeps, SidecarOptions } from "./sidecar-options.ts";

export type { ListenerMode, ListenerSpec } from "./proxy/accept/listener.ts";

export interface Sidecar {
  /** In the order of the listeners. */
  readonly addresses: readonly HostPort[];
  readonly adminAddress: HostPort | null;
  /** Where it gossips; null where it does not. */
  readonly meshAddress: HostPort | null;
  readonly ruleCount: number;
  /** Accepts nothing more, lets open calls finish, cuts what is left at the drain deadline, closes everything. */
  drain(): Promise<void>;
  /** The same without patience. */
  close(): Promise<void>;
}

/** States of all scenarios together; the least recently used ones go first. */
const maxStates = 100_000;
/** Deadlines are kept to within this. */
const tickMs = 250;

/**
 * Resolves once traffic is served. Its addresses listen before that, while rules are still being loaded. Rejects with
 * bad_rules, bad_config.
 */
export async function startSidecar(options: SidecarOptions, deps: SidecarDeps): Promise<Sidecar> {
  const stop = new AbortController();
  const observed = observe(options, deps);
  const buffers = createReadBuffers();
  const connections = await listen(options, observed.tap, buffers);
  try {
    const deadlines = createDeadlines(deps.clock, tickMs);
    const dial = dialOf(options, deps, { deadlines, buffers }, connections.ownAddresses);
    const rules = await openStore(options, deps, observed, dial, stop.signal);
    const { store } = rules;
    const brake = faultBrake(rules, deps.clock, observed.tap, stop.signal);
    // Whether others have stopped all faults is not known yet.
    if (options.mesh && options.mesh.join.length > 0) await brake.control.hold();
    let draining = false;
    const opaque = createOpaqueLane(serverNameOf);
    const tls = createTlsLane({
      opaque,
      loadOpener: openerOf(options, deps, buffers, connections.ownAddresses),
    });
    const intake = createIntake({ detect, lanes: [createHttp1Lane(), createHttp2Lane(opaque), tls], opaque });
    const traffic: Traffic = createPipeline({
      settings: options.settings,
      clock: deps.clock,
      random: deps.random,
      deadlines,
      tap: observed.tap,
      dial,
      rules: brake.rules,
      states: createStates(maxStates),
      decodeBody: decodedBody,
      faultOf: (spec) => planConnectionFault(spec, deps),
      destinationOf,
      route: (connection, first, protocol) => intake.route(connection, first, protocol, traffic),
      isDraining: () => draining,
    });
    connections.serve((connection) => intake.accept(connection, traffic));
    const control = await startControl(options, deps, {
      ...{ observed, rules, faults: brake.control },
      isDraining: () => draining,
      signal: stop.signal,
    });
    const shut = async (patienceMs: number): Promise<void> => {
      await connections.close();
      draining = true;
      const left = patienceMs > 0 ? control.leave() : null;
      const drained = intake.drain();
      const patience = sleep(deps.clock, patienceMs, stop.signal).catch(() => undefined);
      if (patienceMs > 0) await Promise.race([drained, patience]);
      intake.destroy();
      await left;
      stop.abort();
      await control.close();
    };
    return {
      addresses: connections.addresses,
      adminAddress: control.adminAddress,
      meshAddress: control.meshAddress,
      ruleCount: store?.rules().rules.length ?? 0,
      drain: () => shut(options.settings.deadlines.drainMs),
      close: () => shut(0),
    };
  } catch (error) {
    stop.abort();
    await connections.close();
    throw error;
  }
}

function createChanges(): Changes {
  const listeners = new Set<() => void>();
  return {
    tell() {
      for (const listener of listeners) listener();
    },
    listen: (listener) => void listeners.add(listener),
  };
}

function observe(options: SidecarOptions, deps: SidecarDeps): Observed {
  const journal = createJournal(options.settings.journalCalls);
  const changes = createChanges();
  const metrics = createMetrics({
    maxRuleLabels: options.settings.maxRuleLabels,
    clock: deps.clock,
    processUsage: readProcessUsage,
    ...(options.mesh ? { families: meshFamilies(() => observed.mesh) } : {}),
    ...(options.version === undefined ? {} : { version: options.version }),
  });
  const taps = [metrics, journal, ...options.taps, ...(options.mesh ? [rulesTap(changes)] : [])];
  const observed: Observed = { metrics, journal, changes, mesh: null, tap: teeTaps(taps) };
  return observed;
}

/** Other rules in force are worth telling to the mesh. */
function rulesTap(changes: Changes): Tap {
  return {
    observe({ kind }) {
      if (kind === "rules-applied" || kind === "rules-rejected") changes.tell();
    },
  };
}

interface Connections {
  /** In the order of the listeners. */
  readonly addresses: readonly HostPort[];
  /** Addresses of this machine. */
  readonly ownAddresses: ReadonlySet<string>;
  /** Hands over what has been accepted so far, and everything after it. */
  serve(accept: (connection: Connection) => void): void;
  /** Accepts nothing more; open connections go on. Idempotent. */
  close(): Promise<void>;
}

async function listen(options: SidecarOptions, tap: Tap, buffers: ReadBuffers): Promise<Connections> {
  const gate = new Gate();
  const listeners: Listener[] = [];
  const bound: HostPort[] = [];
  const interfaces = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const ownAddresses = new Set(interfaces.map(({ address }) => address));
  let accept: (connection: Connection) => void = () => undefined;
  let count = 0;
  const close = async () => {
    for (const listener of listeners.splice(0)) await listener.close();
  };
  try {
    for (const spec of options.listeners) {
      const listener = await openListener(spec, {
        maxConnections: options.settings.limits.maxConnections,
        buffers,
        nextId: () => (++count).toString(36),
        accept: (connection) => gate.pass(() => accept(connection)),
        refuse: (socket, why) => refuse(socket, why, tap),
        isOwnAddress: (destination) => wouldLoop(destination, bound, ownAddresses),
      });
      listeners.push(listener);
      // An adopted listener lives in another namespace, where the same address is another place.
      if (spec.kind === "bind") bound.push(listener.address);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    addresses: listeners.map((listener) => listener.address),
    ownAddresses,
    serve(to) {
      accept = to;
      gate.open();
    },
    close,
  };
}

/** What parses and plans rules is loaded only where there are rules: it is most of the memory of the program. */
async function openStore(
  options: SidecarOptions,
  deps: SidecarDeps,
  { tap, changes }: Observed,
  dial: Dial,
  signal: AbortSignal,
): Promise<OpenRules> {
  if (options.rules === null && !options.store) return { store: null, followed: null, compile: null };
  const { limits, deadlines } = options.settings;
  const { clock } = deps;
  const [
    { createRuleStore },
    { fileSource },
    { inlineReader },
    { compileSteps },
    { createPlanner },
    dialects,
  ] = await Promise.all([
    import("./control/rules/store.ts"),
    import("./control/rules/sources/file.ts"),
    import("./control/rules/reader/rule-reader.ts"),
    import("./proxy/match/compile.ts"),
    import("./proxy/perform/plan.ts"),
    loadDialects({
      ...deps,
      tap,
      connectTcp: ownConnect(options),
      extraRoots: options.tls?.extraRoots ?? [],
      upstreams: { clock, tap, dial, destinationOf, deadlineMs: deadlines.ruleBodyMs },
    }),
  ]);
  const { maxRuleBodyBytes: maxBodyBytes } = limits;
  const plan = createPlanner({ ...deps, maxBodyBytes, hangMs: deadlines.hangMs, dialects });
  // The clients of stores are loaded only where there is a store.
  const follow = options.store ? (await import("./control/rules/follow-store.ts")).followStore : null;
  const followed =
    follow && options.store ? await follow(options.store, { ...deps, tap, moved: changes.tell }) : null;
  const reading = { clock: deps.clock, reader: options.ruleReader ?? inlineReader(deps.clock) };
  const files = options.rules === null ? [] : [fileSource(options.rules, reading)];
  const compile: Compile = (specs, revision, stop) =>
    runInTurns(compileSteps(specs, plan, revision, dialects), deps.clock, stop);
  const store = createRuleStore({
    sources: [...files, ...(followed ? [followed.source] : [])],
    compile,
    empty: noRules,
    tap: followed?.tap ?? tap,
    clock: deps.clock,
  });
  await store.start(signal);
  const { problems } = store.status();
  if (problems.length > 0 && options.whenRulesAreBad === "refuse") {
    throw new UnderstudyError("bad_rules", problems.map(formatProblem).join("\n"));
  }
  followed?.announce(() => store.status().problems, signal);
  return { store, followed, compile };
}

export interface DialectParts extends SidecarDeps {
  readonly tap: Tap;
  /** How requests of the sidecar's own are connected. */
  readonly connectTcp?: (upstream: HostPort, signal: AbortSignal) => Promise<Socket>;
  readonly extraRoots?: readonly string[];
  /** Who may be asked what their messages look like; left out: nobody. */
  readonly upstreams?: Parameters<typeof createDialects>[1];
}

/** The dialects of one process, with what the stages lend them. */
export async function loadDialects(parts: DialectParts): Promise<readonly Dialect[]> {
  const [all, match, text, pattern, template, request, json, held, own, tcp] = await Promise.all([
    import("./proxy/lanes/dialects/all.ts"),
    import("./proxy/match/body-match.ts"),
    import("./proxy/match/text-match.ts"),
    import("./proxy/match/pattern.ts"),
    import("./proxy/perform/template.ts"),
    import("./proxy/perform/template-request.ts"),
    import("./proxy/perform/json-document.ts"),
    import("./proxy/perform/held-body.ts"),
    import("./proxy/relay/own-request.ts"),
    import("./proxy/relay/connect-tcp.ts"),
  ]);
  const engine = template.createTemplateEngine(parts);
  const lent: DialectDeps = {
    jsonTest: match.compileJsonTest,
    textTest: (given, path) => text.compileText(given, path, new pattern.Patterns()),
    textTemplate(source, path) {
      const compiled = engine.compile(source, path);
      return (exchange, view) =>
        compiled.render(request.templateRequestWith(exchange, view), template.newTemplateBudget());
    },
    parseJson: (written) => json.parseJson(written, json.rawNumber),
    holdBody: held.holdBody,
    decodeBody: decodedBody,
    ask: own.createOwnRequest({
      connectTcp: parts.connectTcp ?? tcp.connectTcp,
      extraRoots: parts.extraRoots ?? [],
    }),
    deadline: (ms) => AbortSignal.timeout(ms),
    tap: parts.tap,
  };
  return all.createDialects(lent, parts.upstreams ?? null);
}

function dialOf(
  options: SidecarOptions,
  deps: SidecarDeps,
  shared: { readonly deadlines: Deadlines; readonly buffers: ReadBuffers },
  ownAddresses: ReadonlySet<string>,
): Dial {
  const { connectMs } = options.settings.deadlines;
  const dial = createDial({ clock: deps.clock, connectMs, ...shared });
  if (!options.connectInside) return dial;
  const isInside = isInsideOf(ownAddresses);
  return createInsideDial(isInside, options.connectInside, dial, (ms) => AbortSignal.timeout(ms), connectMs);
}

/** Servers inside the namespace are asked there. */
function ownConnect({ connectInside }: SidecarOptions): NonNullable<DialectParts["connectTcp"]> {
  return async (upstream, signal) => {
    const tcp = await import("./proxy/relay/connect-tcp.ts");
    if (!connectInside) return tcp.connectTcp(upstream, signal);
    const own = new Set(
      Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map((one) => one.address)),
    );
    return tcp.connectTcpInside(isInsideOf(own), connectInside)(upstream, signal);
  };
}

/** Where a namespace has servers of its own, which are tried before those of the host. */
function isInsideOf(ownAddresses: ReadonlySet<string>): (upstream: HostPort) => boolean {
  return ({ host }) => isLoopback(host) || host === "localhost" || ownAddresses.has(host);
}

/** What opens TLS is loaded with the first connection that a rule concerns. */
function openerOf(
  { tls, settings, connectInside }: SidecarOptions,
  { clock }: SidecarDeps,
  buffers: ReadBuffers,
  ownAddresses: ReadonlySet<string>,
): TlsLaneDeps["loadOpener"] {
  const authority = tls?.authority;
  if (!tls || !authority) return null;
  return async (traffic) => {
    const [{ createSecureInlets }, { createOpener }, { createSecureDial }, tcp] = await Promise.all([
      import("./proxy/accept/secure-reads.ts"),
      import("./proxy/lanes/tls/opener.ts"),
      import("./proxy/relay/secure-dial.ts"),
      import("./proxy/relay/connect-tcp.ts"),
    ]);
    const connectTcp = connectInside
      ? tcp.connectTcpInside(isInsideOf(ownAddresses), connectInside)
      : tcp.connectTcp;
    const { connectMs } = settings.deadlines;
    const inletOf = createSecureInlets(buffers);
    return createOpener({
      authority,
      secureDial: createSecureDial({ ...tls, clock, connectMs, connectTcp, inletOf }),
      inletOf,
      traffic,
    });
  };
}

/** The target of a request to an explicit proxy; port 80 where it names none (RFC 9110 §4.2.1). */
function destinationOf(authority: string): HostPort | null {
  const found = splitAuthority(authority);
  return found && found.host !== "" ? { host: found.host, port: found.port ?? 80 } : null;
}

function refuse(socket: Socket, why: string, tap: Tap): void {
  socket.on("error", () => undefined);
  socket.resetAndDestroy();
  tap.observe({ kind: "trouble", area: "accept", message: why });
}
