// The public API: a proxy in the process of a test or a tool, and the types of what it is given and tells. The commands
// do not load this file.

import { type HostPort, parseHostPort } from "./core/address.ts";
import { systemClock } from "./core/clock.ts";
import { type GivenSettings, settingsFrom } from "./core/given-settings.ts";
import { systemRandom } from "./core/random.ts";
import type { Tap } from "./core/tap.ts";
import { startSidecar } from "./sidecar/sidecar.ts";

export type { HostPort } from "./core/address.ts";
export { type ErrorCode, UnderstudyError } from "./core/errors.ts";
export type { GivenSettings } from "./core/given-settings.ts";
export type * from "./core/rule.ts";
export { defaultSettings, type Settings } from "./core/settings.ts";
export type { CallEvent, OpaqueEvent, Tap, TapEvent } from "./core/tap.ts";

export interface ProxyOptions {
  /** Default 127.0.0.1:0, a free port of the loopback interface. */
  readonly listen?: string;
  /** `host:port` of the one upstream; left out: an explicit HTTP proxy. */
  readonly to?: string;
  /** File or folder of rules, followed as it changes; left out: everything is relayed. */
  readonly rules?: string;
  /** Address of the admin port; left out: none. */
  readonly admin?: string;
  /** Those that are to be other than in `defaultSettings`. */
  readonly settings?: GivenSettings;
  /** Told of every call; must neither throw nor wait. */
  readonly taps?: readonly Tap[];
}

export interface Proxy extends AsyncDisposable {
  readonly address: HostPort;
  readonly adminAddress: HostPort | null;
  /** Rules that were in force at the start. */
  readonly ruleCount: number;
  /** Accepts nothing more, and lets open calls finish within `settings.deadlines.drainMs`. */
  drain(): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/**
 * Resolves once calls are served by the rules. Rejects with an UnderstudyError: `bad_rules` names each mistake in a line
 * of its own, `bad_config` a wrong address or setting, or an address that cannot be bound. The caller ends it by `drain` or `close`.
 */
export async function startProxy(options: ProxyOptions = {}): Promise<Proxy> {
  const { listen = "127.0.0.1:0", to, rules, admin, settings = {}, taps = [] } = options;
  const mode =
    to === undefined
      ? ({ kind: "proxy" } as const)
      : ({ kind: "fixed", to: parseHostPort(to, "to"), direction: "outbound" } as const);
  const sidecar = await startSidecar(
    {
      settings: settingsFrom(settings),
      listeners: [{ kind: "bind", address: parseHostPort(listen, "listen", { host: "127.0.0.1" }), mode }],
      admin: admin === undefined ? null : parseHostPort(admin, "admin", { host: "127.0.0.1" }),
      rules: rules ?? null,
      whenRulesAreBad: "refuse",
      taps,
    },
    { clock: systemClock, random: systemRandom },
  );
  const [address] = sidecar.addresses;
  if (address === undefined) throw new RangeError("a sidecar with one listener has one address");
  return {
    address,
    adminAddress: sidecar.adminAddress,
    ruleCount: sidecar.ruleCount,
    drain: () => sidecar.drain(),
    close: () => sidecar.close(),
    [Symbol.asyncDispose]: () => sidecar.close(),
  };
}
