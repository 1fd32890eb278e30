// The life of a serving command: start, say where, serve until a signal comes, drain, say the last word.

import type { Config } from "../control/config/load.ts";
import { systemClock } from "../core/clock.ts";
import { systemRandom } from "../core/random.ts";
import { type ListenerSpec, type Sidecar, startSidecar } from "../sidecar/sidecar.ts";
import { exitCodes, type Shell } from "./command.ts";
import { appHealthOf, meshOptionsOf } from "./mesh-setup.ts";
import { createObservers } from "./observers.ts";
import { ruleReaderFor } from "./rule-reader.ts";
import { storeOptionsOf } from "./store-setup.ts";
import { createTidyTap } from "./tidy-memory.ts";
import { tlsOptionsOf, upstreamTrustOf } from "./tls-setup.ts";
import { programVersion } from "./version.ts";
import { wayOutOf, wayOutOptions } from "./way-out.ts";

export interface Serving {
  readonly mode: string;
  readonly config: Config;
  /** Each listener with what it is for. */
  readonly listeners: readonly { readonly name: string; readonly spec: ListenerSpec }[];
  /** What wrong rules mean at the start: an error, or a sidecar that relays everything and is not ready. */
  readonly whenRulesAreBad: "refuse" | "relay";
}

/** Resolves to the exit code after SIGTERM, SIGINT or SIGHUP (the terminal is closed), and a drain; a second signal cuts the drain short. */
export async function serve(serving: Serving, shell: Shell): Promise<number> {
  const { config } = serving;
  const observers = await createObservers(config, shell, systemClock);
  // From the first moment on, so that a signal during the start is not lost.
  const ending = watchSignals(shell);
  let begun = false;
  try {
    const version = programVersion();
    const tls = await tlsOptionsOf(config, shell, async () => null);
    const sidecar = await startSidecar(
      {
        settings: config.settings,
        listeners: serving.listeners.map(({ spec }) => spec),
        admin: config.admin,
        adminHosts: config.adminHosts,
        rules: config.rules,
        store: storeOptionsOf(config, shell),
        mesh: await meshOptionsOf(config, shell),
        appHealth: appHealthOf(config),
        ...(await ruleReaderFor(config.rules, shell)),
        whenRulesAreBad: serving.whenRulesAreBad,
        whenStoreIsAway: config.store.required ? "refuse" : "relay",
        taps: [...observers.taps, createTidyTap(systemClock, config.rules !== null)],
        version,
        ...(await wayOutOptions(wayOutOf(config), tls, () => upstreamTrustOf(config.tls, shell))),
        ...(tls ? { tls } : {}),
      },
      { clock: systemClock, random: systemRandom, ...observers.debugging },
    );
    begun = true;
    observers.started({
      mode: serving.mode,
      version,
      listeners: serving.listeners.flatMap(({ name }, index) => {
        const address = sidecar.addresses[index];
        return address ? [{ name, address }] : [];
      }),
      admin: sidecar.adminAddress,
      gossip: sidecar.meshAddress,
      rules: sidecar.ruleCount,
    });
    await ending.first;
    if (!config.quiet) observers.say("finishing open calls; once more to end at once");
    await end(sidecar, ending.second);
  } finally {
    await observers.finish(begun);
    ending.stop();
  }
  return exitCodes.ok;
}

async function end(sidecar: Sidecar, impatience: Promise<void>): Promise<void> {
  const drained = sidecar.drain();
  await Promise.race([drained, impatience]);
  await sidecar.close();
}

interface Ending {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
  stop(): void;
}

function watchSignals(shell: Shell): Ending {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = () => (signals++ === 0 ? first : second).resolve();
  const stops = (["SIGTERM", "SIGINT", "SIGHUP"] as const).map((signal) => shell.onSignal(signal, onSignal));
  return {
    first: first.promise,
    second: second.promise,
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}
