// What a sidecar is made of, as whoever starts one says it.

import type { AppWatchOptions } from "../control/health/app-watch.ts";
import type { StoreOptions } from "../control/rules/follow-store.ts";
import type { RuleReader } from "../control/rules/reader/rule-reader.ts";
import type { HostPort } from "../core/address.ts";
import type { Authority } from "../core/certificates.ts";
import type { Clock } from "../core/clock.ts";
import type { Debug } from "../core/debug.ts";
import type { Random } from "../core/random.ts";
import type { Settings } from "../core/settings.ts";
import type { Tap } from "../core/tap.ts";
import type { WayOut } from "../core/way-out.ts";
import type { ListenerSpec } from "../proxy/accept/listener.ts";
import type { ConnectInside } from "../proxy/relay/adopted-link.ts";
import type { UpstreamTrust } from "../proxy/relay/upstream-trust.ts";
import type { MeshOptions } from "./mesh.ts";

export interface SidecarOptions {
  readonly settings: Settings;
  readonly listeners: readonly ListenerSpec[];
  /** null: no admin port. */
  readonly admin: HostPort | null;
  /** Names besides addresses and localhost under which the admin port may be called. */
  readonly adminHosts?: readonly string[];
  /** File or folder of rules; null: none. Without a store either, everything is relayed. */
  readonly rules: string | null;
  /** A store whose rules are taken too. */
  readonly store?: StoreOptions | null;
  /** How it gossips with others; null or left out: it does not. */
  readonly mesh?: MeshOptions | null;
  /** How the health of the service beside it is asked for; null or left out: nobody asks. */
  readonly appHealth?: AppWatchOptions | null;
  /** Who reads and parses them; this thread where left out. */
  readonly ruleReader?: RuleReader;
  /** `refuse`: rules that are wrong at the start reject the start with `bad_rules`. `relay`: serve without rules. */
  readonly whenRulesAreBad: "refuse" | "relay";
  /**
   * The same where the store does not answer at the start and there is no copy of its rules: `refuse` rejects with
   * `store_unavailable`, `relay` serves without them until it answers, and is not ready. Left out: as for wrong rules.
   */
  readonly whenStoreIsAway?: "refuse" | "relay";
  /** Further observers: live lines, access log, summary. */
  readonly taps: readonly Tap[];
  /** Tried first for loopback destinations: the inside of a network namespace. */
  readonly connectInside?: ConnectInside;
  /** How connections leave; null or left out: directly. */
  readonly wayOut?: WayOut | null;
  /** Whom a proxy there must be certified by that is spoken to over TLS; left out: as `tls`, else the system's roots. */
  readonly trust?: UpstreamTrust;
  /** How TLS is opened where a rule concerns it; left out: it never is. */
  readonly tls?: TlsOptions;
  readonly version?: string;
}

export interface TlsOptions extends UpstreamTrust {
  /** Signs what clients are shown; null: TLS is relayed unread, and a line says how to change that. */
  readonly authority: Authority | null;
}

export interface SidecarDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Left out: nobody asked for debug lines, and nothing is done for them. */
  readonly debug?: Debug;
}
