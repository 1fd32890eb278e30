// Who watches the traffic of one command: lines for the person at the terminal, or JSON lines for a log collector.

import { hostname } from "node:os";
import type { Config } from "../control/config/load.ts";
import { formatHostPort, type HostPort } from "../core/address.ts";
import type { Clock } from "../core/clock.ts";
import { createDebug, type Debug, debugAreas, unknownDebugAreas } from "../core/debug.ts";
import { type Tap, type TapEvent, teeTaps } from "../core/tap.ts";
import { createAccessLog } from "../proxy/tap/access-log.ts";
import { createDebugLines } from "../proxy/tap/debug-lines.ts";
import { createIdleRules } from "../proxy/tap/idle-rules.ts";
import { createLiveLines } from "../proxy/tap/live-lines.ts";
import { createSummary } from "../proxy/tap/summary.ts";
import { lostAsJson } from "./bounded-sink.ts";
import type { LogDestination, Shell } from "./command.ts";

/** What there is to say once traffic is accepted. */
export interface Started {
  /** `proxy`, `sidecar`. */
  readonly mode: string;
  readonly version: string;
  /** Each with what it is for: `outbound`, `inbound`, `proxy`. */
  readonly listeners: readonly { readonly name: string; readonly address: HostPort }[];
  readonly admin: HostPort | null;
  /** null or left out: it does not gossip, or not yet. */
  readonly gossip?: HostPort | null;
  readonly rules: number;
}

export interface Observers {
  readonly taps: readonly Tap[];
  /** To be handed to the sidecar: empty where nobody asked for debug lines. */
  readonly debugging: { readonly debug?: Debug };
  started(facts: Started): void;
  /** A message for people; at a terminal it is shown even where quiet was asked for. */
  say(text: string): void;
  /**
   * Says the last word: the lines that still wait, and a summary where the work had `begun` at all. `unresolved`: hosts that
   * were looked up in vain, told where that may be why no rule has answered.
   */
  finish(begun: boolean, unresolved?: readonly string[]): Promise<void>;
}

/** JSON on stdout where asked for, and where nobody sits at stderr; otherwise lines for people on stderr. */
export async function createObservers(
  config: Pick<Config, "json" | "quiet" | "logLevel" | "settings">,
  shell: Shell,
  clock: Clock,
): Promise<Observers> {
  const inJson = config.json || !shell.stderr.isTTY;
  const observers = inJson ? await jsonObservers(config, shell, clock) : liveObservers(config, shell);
  const { UNDERSTUDY_DEBUG: areas } = shell.env;
  if (!areas) return withoutEarlyRejections(observers);
  for (const area of unknownDebugAreas(areas))
    shell.stderr.write(
      `understudy: UNDERSTUDY_DEBUG: ${area}: no such area; there are ${debugAreas.join(", ")}\n`,
    );
  const debug = createDebug(areas, shell.stderr, clock);
  const taps = [...observers.taps, createDebugLines(debug)];
  return withoutEarlyRejections({ ...observers, taps, debugging: { debug } });
}

/**
 * Rules that are refused at the start are the error with which a command ends, and need no second telling. So they
 * are kept back until it is known that the command goes on: it has started, or rules came into force after all.
 */
function withoutEarlyRejections(observers: Observers): Observers {
  const tee = teeTaps(observers.taps);
  let goesOn = false;
  let early: TapEvent | null = null;
  const goOn = () => {
    goesOn = true;
    if (early) tee.observe(early);
    early = null;
  };
  return {
    ...observers,
    taps: [
      {
        observe(event) {
          if (!goesOn && event.kind === "rules-rejected") early = event;
          else tee.observe(event);
          if (!goesOn && event.kind === "rules-applied") goOn();
        },
      },
    ],
    started(facts) {
      goOn();
      observers.started(facts);
    },
  };
}

function liveObservers(config: Pick<Config, "quiet">, shell: Shell): Observers {
  const { stderr, env } = shell;
  const color = !env.NO_COLOR; // https://no-color.org
  const live = createLiveLines(stderr, { color, traffic: !config.quiet });
  const summary = createSummary();
  const idle = createIdleRules();
  return {
    taps: [live, summary, idle],
    debugging: {},
    started(facts) {
      if (!config.quiet) stderr.write(startedText(facts));
    },
    say: (text) => stderr.write(`understudy: ${text}\n`),
    async finish(begun, unresolved = []) {
      if (begun && !config.quiet) stderr.write(summary.text() + idle.unresolvedText(unresolved));
    },
  };
}

async function jsonObservers(
  config: Pick<Config, "quiet" | "logLevel" | "settings">,
  shell: Shell,
  clock: Clock,
): Promise<Observers> {
  const destination = (await shell.openLog?.()) ?? plainDestination(shell, clock);
  const base = { pid: shell.pid, hostname: hostname() };
  const log = createAccessLog({
    destination,
    clock,
    linesPerSecond: config.settings.accessLogLinesPerSecond,
    level: config.quiet ? "error" : config.logLevel,
    base,
  });
  const silent = config.quiet || config.logLevel === "warn" || config.logLevel === "error";
  const note = (fields: Readonly<Record<string, unknown>>) => {
    if (silent) return;
    log.flush(); // so that lines stand in the order of what happened
    destination.write(`${JSON.stringify({ level: 30, time: clock.wall(), ...base, ...fields })}\n`);
  };
  const idle = createIdleRules();
  return {
    taps: [log, idle],
    debugging: {},
    started: ({ mode, version, listeners, admin, gossip, rules }) =>
      note({
        mode,
        version,
        listen: Object.fromEntries(listeners.map(({ name, address }) => [name, formatHostPort(address)])),
        admin: admin && `http://${formatHostPort(admin)}/`,
        ...(gossip ? { gossip: formatHostPort(gossip) } : {}),
        rules,
        msg: "started",
      }),
    say: (text) => note({ msg: text }),
    async finish(_begun, unresolved = []) {
      const fields = idle.unresolvedFields(unresolved);
      if (fields) note(fields);
      log.flush();
      await destination.close();
    },
  };
}

function plainDestination({ stdout }: Shell, clock: Clock): LogDestination {
  const tellLost = lostAsJson(clock);
  return { write: (lines) => stdout.write(lines, tellLost), close: async () => {} };
}

/** `understudy: proxy on 127.0.0.1:15080, 3 rules, admin http://127.0.0.1:15090/`. */
function startedText({ listeners, admin, gossip, rules }: Started): string {
  const places = listeners.map(({ name, address }) => `${name} on ${formatHostPort(address)}`);
  const loaded = rules === 0 ? "no rules: everything is relayed" : rules === 1 ? "1 rule" : `${rules} rules`;
  const look = admin ? `, admin http://${formatHostPort(admin)}/` : "";
  const mesh = gossip ? `, gossip on ${formatHostPort(gossip)}` : "";
  return `understudy: ${places.join(", ")}, ${loaded}${look}${mesh}\n`;
}
