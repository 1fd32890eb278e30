// Runs inside: passes on to the command the signals that only the sidecar got, and not those that both got.
//
// Ctrl-C in a terminal, or `kill -- -PGID`, reaches sidecar, helper and command alike; `kill PID` only the sidecar.
// The helper is the witness: what it received itself, the command received too.

import type { Clock } from "../../../core/clock.ts";

/** Signals that a user may send to the sidecar and mean for the command. */
export const relayedSignals = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGWINCH",
] as const;

// The group's copies of one signal arrive within microseconds; a loaded machine may schedule us late.
const graceMs = 30;
const forgetMs = 1_000;

export interface SignalRelay {
  /** We received `signal` ourselves. */
  witnessed(signal: NodeJS.Signals): void;
  /** The sidecar received `signal`. */
  reported(signal: NodeJS.Signals): void;
}

/** `deliver` hands the signal to the command; it is not called after the command has ended. */
export function createSignalRelay(clock: Clock, deliver: (signal: NodeJS.Signals) => void): SignalRelay {
  const witnessed = new Map<NodeJS.Signals, number>();
  const take = (signal: NodeJS.Signals): boolean => {
    const at = witnessed.get(signal);
    witnessed.delete(signal);
    return at !== undefined && clock.now() - at < forgetMs;
  };
  return {
    witnessed: (signal) => void witnessed.set(signal, clock.now()),
    reported(signal) {
      if (take(signal)) return;
      clock.after(graceMs, () => {
        if (!take(signal)) deliver(signal);
      });
    },
  };
}
