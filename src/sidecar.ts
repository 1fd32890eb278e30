// The composition root. Reads in the order in which a connection meets the parts: accept, detect, lanes, match,
// perform, relay, tap; then the control plane beside it.

import type { Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { type Admin, startAdmin } from "./control/admin/server.ts";
import type { RuleStore } from "./control/rules/store.ts";
import { type HostPort, splitAuthority } from "./core/address.ts";
import type { Clock } from "./core/clock.ts";
import { createDeadlines, type Deadlines } from "./core/deadlines.ts";
import { UnderstudyError } from "./core/errors.ts";
import type { Traffic } from "./core/lane.ts";
import type { Dial } from "./core/link.ts";
import { readProcessUsage } from "./core/process-usage.ts";
import type { Random } from "./core/random.ts";
import { noRules, type RuleSet } from "./core/rule-set.ts";
import { formatProblem } from "./core/rule-source.ts";
import type { Settings } from "./core/settings.ts";
import { type Tap, teeTaps } from "./core/tap.ts";
import { runInTurns } from "./core/turns.ts";
import { createIntake } from "./proxy/accept/intake.ts";
import { type Listener, type ListenerSpec, openListener } from "./proxy/accept/listener.ts";
import { isLoopback, wouldLoop } from "./proxy/accept/loop-guard.ts";
import { detect } from "./proxy/detect/detect.ts";
import { serverNameOf } from "./proxy/detect/server-name.ts";
import { createHttp1Lane } from "./proxy/lanes/http1/lane.ts";
import { createHttp2Lane } from "./proxy/lanes/http2/lane.ts";
import { createOpaqueLane } from "./proxy/lanes/opaque/lane.ts";
import { planConnectionFault } from "./proxy/perform/connection-fault.ts";
import { decodedBody } from "./proxy/perform/content-encoding.ts";
import { createStates } from "./proxy/perform/state.ts";
import { createPipeline } from "./proxy/pipeline.ts";
import { type ConnectInside, createInsideDial } from "./proxy/relay/adopted-link.ts";
import { createReadBuffers } from "./proxy/relay/read-buffers.ts";
import { createDial } from "./proxy/relay/socket-link.ts";
import { createJournal } from "./proxy/tap/journal.ts";
import { createMetrics } from "./proxy/tap/metrics.ts";

export type { ListenerMode, ListenerSpec } from "./proxy/accept/listener.ts";

export interface SidecarOptions {
  readonly settings: Settings;
  readonly listeners: readonly ListenerSpec[];
  /** null: no admin port. */
  readonly admin: HostPort | null;
  /** Names besides addresses and localhost under which the admin port may be called. */
  readonly adminHosts?: readonly string[];
  /** File or folder of rules; null: none, everything is relayed. */
  readonly rules: string | null;
  /** `refuse`: rules that are wrong at the start reject the start with `bad_rules`. `relay`: serve without rules. */
  readonly whenRulesAreBad: "refuse" | "relay";
  /** Further observers: live lines, access log, summary. */
  readonly taps: readonly Tap[];
  /** Tried first for loopback destinations: the inside of a network namespace. */
  readonly connectInside?: ConnectInside;
  readonly version?: string;
}

export interface SidecarDeps {
  readonly clock: Clock;
  readonly random: Random;
}

export interface Sidecar {
  /** In the order of the listeners. */
  readonly addresses: readonly HostPort[];
  readonly adminAddress: HostPort | null;
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

/** Resolves once traffic is accepted. Rejects with bad_rules, bad_config. */
export async function startSidecar(options: SidecarOptions, deps: SidecarDeps): Promise<Sidecar> {
  const { settings } = options;
  const { clock, random } = deps;
  const stop = new AbortController();
  let draining = false;

  const journal = createJournal(settings.journalCalls);
  const metrics = createMetrics({
    maxRuleLabels: settings.maxRuleLabels,
    clock,
    processUsage: readProcessUsage,
    ...(options.version === undefined ? {} : { version: options.version }),
  });
  const tap = teeTaps([metrics, journal, ...options.taps]);

  const store =
    options.rules === null ? null : await openStore(options.rules, options, deps, tap, stop.signal);
  const opaque = createOpaqueLane(serverNameOf);
  const intake = createIntake({ detect, lanes: [createHttp1Lane(), createHttp2Lane(opaque)], opaque });
  const deadlines = createDeadlines(clock, tickMs);
  const ownAddresses = new Set(
    Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address)),
  );
  const traffic: Traffic = createPipeline({
    settings,
    clock,
    random,
    deadlines,
    tap,
    dial: dialOf(options, deps, deadlines, ownAddresses),
    rules: rulesOf(store),
    states: createStates(maxStates),
    decodeBody: decodedBody,
    faultOf: (spec) => planConnectionFault(spec, deps),
    destinationOf,
    route: (connection, first, protocol) => intake.route(connection, first, protocol, traffic),
    isDraining: () => draining,
  });

  const addresses: HostPort[] = [];
  const listeners: Listener[] = [];
  let admin: Admin | null = null;
  let connections = 0;
  try {
    for (const spec of options.listeners) {
      const listener = await openListener(spec, {
        maxConnections: settings.limits.maxConnections,
        nextId: () => (++connections).toString(36),
        accept: (connection) => intake.accept(connection, traffic),
        refuse: (socket, why) => refuse(socket, why, tap),
        isOwnAddress: (destination) => wouldLoop(destination, addresses, ownAddresses),
      });
      listeners.push(listener);
      // An adopted listener lives in another namespace, where the same address is another place.
      if (spec.kind === "bind") addresses.push(listener.address);
    }
    if (options.admin)
      admin = await startAdmin(
        {
          ...adminOptions(options.admin, metrics, journal, store, () => draining),
          hosts: options.adminHosts ?? [],
        },
        stop.signal,
      );
  } catch (error) {
    stop.abort();
    for (const listener of listeners) await listener.close();
    throw error;
  }

  const shut = async (patienceMs: number): Promise<void> => {
    if (!draining) for (const listener of listeners) await listener.close();
    draining = true;
    const drained = intake.drain();
    if (patienceMs > 0) {
      const patience = new Promise<void>(
        (resolve) => void clock.after(patienceMs, resolve, { background: true }),
      );
      await Promise.race([drained, patience]);
    }
    intake.destroy();
    stop.abort();
    await admin?.close();
  };
  return {
    addresses: listeners.map((listener) => listener.address),
    adminAddress: admin?.address ?? null,
    ruleCount: store?.rules().rules.length ?? 0,
    drain: () => shut(settings.deadlines.drainMs),
    close: () => shut(0),
  };
}

function rulesOf(store: RuleStore | null): () => RuleSet {
  return store ? () => store.rules() : () => noRules;
}

/** What parses and plans rules is loaded only where there are rules: it is most of the memory of the program. */
async function openStore(
  path: string,
  options: SidecarOptions,
  deps: SidecarDeps,
  tap: Tap,
  signal: AbortSignal,
): Promise<RuleStore> {
  const [{ createRuleStore }, { fileSource }, { compileSteps }, { createPlanner }] = await Promise.all([
    import("./control/rules/store.ts"),
    import("./control/rules/sources/file.ts"),
    import("./proxy/match/compile.ts"),
    import("./proxy/perform/plan.ts"),
  ]);
  const plan = createPlanner({ ...deps, maxBodyBytes: options.settings.limits.maxRuleBodyBytes });
  const store = createRuleStore({
    sources: [fileSource(path, { clock: deps.clock })],
    compile: (specs, revision, stop) => runInTurns(compileSteps(specs, plan, revision), deps.clock, stop),
    empty: noRules,
    tap,
    clock: deps.clock,
  });
  await store.start(signal);
  const { problems } = store.status();
  if (problems.length > 0 && options.whenRulesAreBad === "refuse") {
    throw new UnderstudyError("bad_rules", problems.map(formatProblem).join("\n"));
  }
  return store;
}

function dialOf(
  options: SidecarOptions,
  deps: SidecarDeps,
  deadlines: Deadlines,
  ownAddresses: ReadonlySet<string>,
): Dial {
  const { connectMs } = options.settings.deadlines;
  const dial = createDial({ clock: deps.clock, deadlines, connectMs, buffers: createReadBuffers() });
  if (!options.connectInside) return dial;
  const isInside = ({ host }: HostPort) => isLoopback(host) || host === "localhost" || ownAddresses.has(host);
  return createInsideDial(isInside, options.connectInside, dial, (ms) => AbortSignal.timeout(ms), connectMs);
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

function adminOptions(
  listen: HostPort,
  metrics: ReturnType<typeof createMetrics>,
  journal: ReturnType<typeof createJournal>,
  store: RuleStore | null,
  isDraining: () => boolean,
): Parameters<typeof startAdmin>[0] {
  const problems = () => (store?.status().problems ?? []).map(formatProblem);
  return {
    listen,
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.scrape() }),
    journal: (filter) => journal.entries(filter),
    rules: () => ({
      revision: store?.status().revision ?? null,
      count: store?.rules().rules.length ?? 0,
      problems: problems(),
    }),
    ready: () => {
      const reasons = [
        ...(isDraining() ? ["draining"] : []),
        ...problems().map((problem) => `rules: ${problem}`),
      ];
      return { ready: reasons.length === 0, reasons };
    },
  };
}
