// The composition root. Reads in the order in which a connection meets the parts: accept, detect, lanes, match,
// perform, relay, tap; then the control plane beside it. Each part is put together in a file of this folder.

import { FaultControl } from "../control/faults/fault-control.ts";
import type { HostPort } from "../core/address.ts";
import { type Clock, sleep } from "../core/clock.ts";
import { createDeadlines } from "../core/deadlines.ts";
import { DelayLine } from "../core/delay-line.ts";
import type { Traffic } from "../core/lane.ts";
import { createReadBuffers } from "../core/read-buffers.ts";
import { noRules } from "../core/rule-set.ts";
import { createIntake, type Intake } from "../proxy/accept/intake.ts";
import { detect } from "../proxy/detect/detect.ts";
import { serverNameOf } from "../proxy/detect/server-name.ts";
import { createShortcut } from "../proxy/kernel/shortcut.ts";
import { createHttp1Lane } from "../proxy/lanes/http1/lane.ts";
import { createHttp2Lane } from "../proxy/lanes/http2/lane.ts";
import { createOpaqueLane } from "../proxy/lanes/opaque/lane.ts";
import { createTlsLane } from "../proxy/lanes/tls/lane.ts";
import { ActiveCalls } from "../proxy/perform/active-calls.ts";
import { planConnectionFault } from "../proxy/perform/connection-fault.ts";
import { decodedBody } from "../proxy/perform/content-encoding.ts";
import { createStates } from "../proxy/perform/state.ts";
import { createPipeline } from "../proxy/pipeline.ts";
import { type Connections, listen } from "./connections.ts";
import { type Control, startControl } from "./control.ts";
import { CutCalls } from "./cut-calls.ts";
import { debuggedDetect, debuggedTraffic } from "./debugged.ts";
import { observe } from "./observed.ts";
import type { SidecarDeps, SidecarOptions } from "./options.ts";
import type { OpenRules } from "./rules.ts";
import { createUpstreams, destinationOf } from "./upstreams.ts";

export type { ListenerMode, ListenerSpec } from "../proxy/accept/listener.ts";

/** A running sidecar; whoever started it drains or closes it. */
export interface Sidecar {
  /** In the order of the listeners. */
  readonly addresses: readonly HostPort[];
  readonly adminAddress: HostPort | null;
  /** Where it gossips; null where it does not. */
  readonly meshAddress: HostPort | null;
  readonly ruleCount: number;
  /** Whether a rule in force could answer or end calls to a host of that name (in lower case), without any upstream. */
  answersHost(host: string): boolean;
  /** Accepts nothing more, lets open calls finish, cuts what is left at the drain deadline, closes everything. */
  drain(): Promise<void>;
  /** The same without patience. */
  close(): Promise<void>;
}

/** States of all scenarios together; the least recently used ones go first. */
const maxStates = 100_000;
/** For connections that were cut to say so to the log. */
const lastWordMs = 1_000;
/** Deadlines are kept to within this. */
const tickMs = 250;

/**
 * Resolves once traffic is served. Its addresses listen before that, while rules are still being loaded. Rejects with
 * bad_rules, bad_config.
 */
export async function startSidecar(options: SidecarOptions, deps: SidecarDeps): Promise<Sidecar> {
  const { debug } = deps;
  const stop = new AbortController();
  const observed = observe(options, deps);
  const cuts = new CutCalls(observed.tap);
  const buffers = createReadBuffers();
  const shortcut = createShortcut((why) => {
    const message = `busy sockets go the way of Node, which takes more of the processor: ${why}`;
    observed.tap.observe({ kind: "trouble", area: "accept", message });
  });
  stop.signal.addEventListener("abort", () => shortcut.close(), { once: true });
  const connections = await listen(options, observed.tap, { buffers, shortcut });
  try {
    const deadlines = createDeadlines(deps.clock, tickMs);
    const upstreams = createUpstreams(
      options,
      deps,
      { deadlines, buffers, shortcut },
      connections.ownAddresses,
    );
    const rules = await rulesOf(options, deps, observed, upstreams, stop.signal);
    const inForce = () => rules.store?.rules() ?? noRules;
    const faults = new FaultControl(inForce, observed.tap, deps.clock);
    // Whether others have stopped all faults is not known yet.
    if (options.mesh && options.mesh.join.length > 0) faults.hold();
    const calls = new ActiveCalls(Boolean(options.mesh));
    let draining = false;
    const told = debug ? debuggedDetect(detect, debug) : detect;
    const opaque = createOpaqueLane({ serverNameOf, detect: told });
    const tls = createTlsLane({ opaque, loadOpener: upstreams.loadOpener });
    const intake = createIntake({
      detection: new DelayLine(deps.clock, options.settings.deadlines.detectMs),
      patience: new DelayLine(deps.clock, options.settings.deadlines.headMs),
      detect: told,
      lanes: [createHttp1Lane(), createHttp2Lane(opaque), tls],
      opaque,
    });
    const pipeline = createPipeline({
      settings: options.settings,
      clock: deps.clock,
      random: deps.random,
      deadlines,
      tap: cuts,
      dial: upstreams.dial,
      rules: inForce,
      faultsHalted: () => faults.halted,
      states: createStates(maxStates),
      calls,
      decodeBody: decodedBody,
      faultOf: (spec) => planConnectionFault(spec, deps),
      destinationOf,
      route: (connection, first, protocol) => intake.route(connection, first, protocol, traffic),
      isDraining: () => draining,
    });
    const traffic: Traffic = debug ? debuggedTraffic(pipeline, debug) : pipeline;
    connections.serve((connection) => intake.accept(connection, traffic));
    const control = await startControl(options, deps, {
      ...{ observed, rules, calls, faults },
      isDraining: () => draining,
      signal: stop.signal,
    });
    const shut = createShut({
      ...{ connections, intake, control, stop, clock: deps.clock, cuts },
      startDraining: () => {
        draining = true;
      },
    });
    return {
      addresses: connections.addresses,
      adminAddress: control.adminAddress,
      meshAddress: control.meshAddress,
      ruleCount: rules.store?.rules().rules.length ?? 0,
      answersHost: (host) => pipeline.answersHost(host),
      drain: () => shut(options.settings.deadlines.drainMs),
      close: () => shut(0),
    };
  } catch (error) {
    stop.abort();
    await connections.close();
    throw error;
  }
}

/** Resolves with the first rules in force; a sidecar without any never loads what they need. */
async function rulesOf(...given: Parameters<typeof import("./rules.ts").openRules>): Promise<OpenRules> {
  const [{ rules, store }] = given;
  if (rules === null && !store) return { store: null, followed: null };
  const { openRules } = await import("./rules.ts");
  return openRules(...given);
}

interface ShutParts {
  readonly connections: Connections;
  readonly intake: Intake;
  readonly control: Control;
  readonly clock: Clock;
  readonly cuts: CutCalls;
  /** Ends whatever runs in the background. */
  readonly stop: AbortController;
  /** From here on, whoever asks is told that this sidecar goes. */
  startDraining(): void;
}

/** Open calls have so long to finish; 0: they are cut at once, and the others are not told. */
function createShut(parts: ShutParts): (patienceMs: number) => Promise<void> {
  const { connections, intake, control, clock, stop, cuts } = parts;
  return async (patienceMs) => {
    await connections.close();
    parts.startDraining();
    const left = patienceMs > 0 ? control.leave() : null;
    const drained = intake.drain();
    const patience = (ms: number) => sleep(clock, ms, stop.signal).catch(() => undefined);
    if (patienceMs > 0) await Promise.race([drained, patience(patienceMs)]);
    cuts.begin(patienceMs > 0 ? "cut: still open at the end of the drain" : "cut: the sidecar has ended");
    intake.destroy();
    // Their calls are told of as they close, which is after this turn.
    await Promise.race([drained, patience(lastWordMs)]);
    await left;
    stop.abort();
    await control.close();
  };
}
