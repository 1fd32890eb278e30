// One configuration out of four layers: flag > UNDERSTUDY_… variable > config file > default. All mistakes are told at
// once, each with the place where it was written.

import { dirname, isAbsolute, join } from "node:path";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import type { HealthProbe } from "../../core/app-health.ts";
import { messageOf, UnderstudyError } from "../../core/errors.ts";
import type { JoinTarget } from "../../core/join-target.ts";
import type { Settings } from "../../core/settings.ts";
import type { Secret, StoreAccess } from "../../core/store-access.ts";
import type { StoreUrl } from "../../core/store-url.ts";
import { formatDuration } from "../../core/units.ts";
import type { ForwardProxy } from "../../core/way-out.ts";
import { writtenText } from "../../core/written-text.ts";
import type { CertificateFiles } from "./kinds.ts";
import {
  allOptions,
  deadlineOptions,
  flagOf,
  type LogLevel,
  limitOptions,
  type Option,
  otherOptions,
  placeOptions,
  tlsOptions,
  variableOf,
} from "./options.ts";

export interface Config {
  readonly settings: Settings;
  /** null: no explicit proxy, unless the command has a default of its own. */
  readonly listen: HostPort | null;
  readonly outbound: HostPort;
  readonly inbound: HostPort;
  /** null: requests name their own destination. */
  readonly to: HostPort | null;
  /** null: connections leave directly. */
  readonly upstreamProxy: ForwardProxy | null;
  readonly upstreamProxyExcept: readonly string[];
  readonly admin: HostPort | null;
  readonly adminHosts: readonly string[];
  /** As from the working directory; null: no rules. */
  readonly rules: string | null;
  readonly store: StoreConfig;
  readonly mesh: MeshConfig;
  readonly health: HealthConfig;
  readonly logLevel: LogLevel;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly tls: TlsConfig;
}

/** A store of rules. Paths are as from the working directory. */
export interface StoreConfig {
  /** null: none. */
  readonly url: StoreUrl | null;
  readonly access: StoreAccess;
  readonly service: string | null;
  readonly namespace: string | null;
  /** null: where such things usually are. */
  readonly stateDir: string | null;
  /** Whether a start without any rules of the store is refused. */
  readonly required: boolean;
}

/** How this sidecar takes part in the mesh. */
export interface MeshConfig {
  /** null: in none. */
  readonly gossip: HostPort | null;
  /** null: where it listens. */
  readonly advertise: HostPort | null;
  readonly join: readonly JoinTarget[];
  /** null: made of service, host and process. */
  readonly name: string | null;
  /** As from the working directory; null: nothing is encrypted. */
  readonly keyFile: string | null;
  /** Members with another one are not heard; null: none. */
  readonly label: string | null;
  /** A mesh without keys may be reached from other machines. */
  readonly plain: boolean;
  readonly zone: string | null;
}

export interface HealthConfig {
  /** null: nobody asks. */
  readonly probe: HealthProbe | null;
  readonly intervalMs: number;
  readonly deadlineMs: number;
}

/** Paths are as from the working directory. */
export interface TlsConfig {
  /** null: where such things usually are. */
  readonly caDir: string | null;
  readonly upstreamCas: readonly string[];
  readonly insecureUpstream: readonly string[];
  readonly clientCertificates: ReadonlyMap<string, CertificateFiles>;
}

export interface ConfigSources {
  /** Values of flags by option key (`limits.maxHeadBytes`), as written. */
  readonly flags: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Value of --config, where given. */
  readonly file?: string | undefined;
  readonly readFile: (path: string) => Promise<Buffer>;
  /** What this command uses where nobody says otherwise. */
  readonly defaults?: { readonly listen?: HostPort | null; readonly admin?: HostPort | null };
}

/** Largest config file that is read. */
const maxFileBytes = 1_048_576;

/** Values that were set, by option key, with the place to blame. */
type Values = Map<string, { readonly origin: string; readonly value: unknown }>;

/** Throws `bad_config`; its message has one line per mistake. */
export async function loadConfig(sources: ConfigSources): Promise<Config> {
  const values: Values = new Map();
  const problems: string[] = [];
  const take = (key: string, origin: string, value: unknown) => {
    const known = allOptions.find((candidate) => candidate.key === key);
    const read = known?.kind.read(value);
    if (read !== undefined) values.set(key, { origin, value: read });
    else {
      const got = known?.kind.secretive ? "something else" : show(value);
      problems.push(`${origin}: expected ${known?.kind.expected(value)}, got ${got}`);
    }
  };
  const file = sources.file ?? (sources.env.UNDERSTUDY_CONFIG || undefined);
  if (file !== undefined) problems.push(...(await readFileLayer(file, sources, take)));
  for (const { key } of allOptions) {
    const text = sources.env[variableOf(key)];
    if (text !== undefined && text !== "") take(key, variableOf(key), text);
  }
  for (const [key, text] of sources.flags) take(key, flagOf(key), text);
  if (problems.length === 0) problems.push(...crossChecks(values, sources.defaults ?? {}));
  if (problems.length > 0) throw new UnderstudyError("bad_config", problems.join("\n"));
  return assemble(values, sources);
}

async function readFileLayer(
  file: string,
  sources: ConfigSources,
  take: (key: string, origin: string, value: unknown) => void,
): Promise<readonly string[]> {
  let bytes: Buffer;
  try {
    bytes = await sources.readFile(file);
  } catch (thrown) {
    const origin = sources.file === undefined ? "UNDERSTUDY_CONFIG" : "--config";
    return [`${origin}: expected a file that can be read: ${messageOf(thrown)}`];
  }
  if (bytes.length > maxFileBytes) return [`${file}: expected at most 1 MiB, got more`];
  const text = writtenText(bytes);
  if (typeof text !== "string") return [`${file}:${text.line}: ${text.message}`];
  // Loaded only where there is a file: the parser costs 20 ms at start and 3 MB.
  const { readConfigText } = await import("./file.ts");
  const keys = allOptions.map(({ key }) => key);
  const { entries, problems } = readConfigText(text, file, keys);
  for (const { key, origin, value } of entries) take(key, origin, besideFile(key, value, file));
  return problems;
}

/** Options whose value is a path, and those that hold paths in a list or deeper. */
const pathKeys: ReadonlySet<string> = new Set([
  placeOptions.rules.key,
  placeOptions.storeTokenFile.key,
  placeOptions.storePasswordFile.key,
  placeOptions.storeCa.key,
  placeOptions.storeCert.key,
  placeOptions.storeKey.key,
  placeOptions.stateDir.key,
  placeOptions.gossipKey.key,
  tlsOptions.caDir.key,
]);
const pathsKeys: ReadonlySet<string> = new Set([
  tlsOptions.upstreamCas.key,
  tlsOptions.clientCertificates.key,
]);

/** A path in a file is meant as seen from that file. */
function besideFile(key: string, value: unknown, file: string): unknown {
  const beside = (path: unknown): unknown => {
    if (Array.isArray(path)) return path.map(beside);
    if (typeof path === "object" && path !== null) {
      return Object.fromEntries(Object.entries(path).map(([name, item]) => [name, beside(item)]));
    }
    if (typeof path !== "string" || path === "" || path === "off" || isAbsolute(path)) return path;
    return join(dirname(file), path);
  };
  if (pathKeys.has(key) && typeof value === "string") return beside(value);
  return pathsKeys.has(key) && typeof value === "object" ? beside(value) : value;
}

function assemble(values: Values, { defaults = {}, env }: ConfigSources): Config {
  const place = placeOptions;
  return Object.freeze({
    settings: Object.freeze({
      limits: Object.freeze(mapValues(limitOptions, (option) => settled(values, option))),
      deadlines: Object.freeze(mapValues(deadlineOptions, (option) => settled(values, option))),
      portHints: settled(values, otherOptions.portHints),
      opaqueHosts: settled(values, otherOptions.opaqueHosts),
      journalCalls: settled(values, otherOptions.journalCalls),
      maxRuleLabels: settled(values, otherOptions.maxRuleLabels),
      accessLogLinesPerSecond: settled(values, otherOptions.accessLogLinesPerSecond),
    }),
    listen: settled(values, place.listen, defaults.listen),
    outbound: settled(values, place.outbound),
    inbound: settled(values, place.inbound),
    to: settled(values, place.to),
    upstreamProxy: settled(values, place.upstreamProxy),
    upstreamProxyExcept: settled(values, place.upstreamProxyExcept),
    admin: settled(values, place.admin, defaults.admin),
    adminHosts: settled(values, place.adminHosts),
    rules: settled(values, place.rules),
    store: storeOf(values, env),
    mesh: Object.freeze({
      gossip: settled(values, place.gossip),
      advertise: settled(values, place.gossipAdvertise),
      join: settled(values, place.join),
      name: settled(values, place.name),
      keyFile: settled(values, place.gossipKey),
      label: settled(values, place.gossipLabel),
      plain: settled(values, place.gossipPlain),
      zone: settled(values, place.zone),
    }),
    health: Object.freeze({
      probe: settled(values, place.appHealth),
      intervalMs: settled(values, place.appHealthInterval),
      deadlineMs: settled(values, place.appHealthDeadline),
    }),
    logLevel: settled(values, place.logLevel),
    quiet: settled(values, place.quiet),
    json: settled(values, place.json),
    tls: Object.freeze({
      caDir: settled(values, tlsOptions.caDir),
      upstreamCas: settled(values, tlsOptions.upstreamCas),
      insecureUpstream: settled(values, tlsOptions.insecureUpstream),
      clientCertificates: settled(values, tlsOptions.clientCertificates),
    }),
  });
}

function storeOf(values: Values, env: ConfigSources["env"]): StoreConfig {
  const place = placeOptions;
  return Object.freeze({
    url: settled(values, place.store),
    access: Object.freeze({
      token: secretOf(env.UNDERSTUDY_STORE_TOKEN, settled(values, place.storeTokenFile)),
      user: settled(values, place.storeUser),
      password: secretOf(env.UNDERSTUDY_STORE_PASSWORD, settled(values, place.storePasswordFile)),
      ca: settled(values, place.storeCa),
      cert: settled(values, place.storeCert),
      key: settled(values, place.storeKey),
    }),
    service: settled(values, place.service),
    namespace: settled(values, place.namespace),
    stateDir: settled(values, place.stateDir),
    required: settled(values, place.storeRequired),
  });
}

/** A variable is nearer than a file. */
function secretOf(text: string | undefined, file: string | null): Secret | null {
  if (text) return { from: "text", text };
  return file === null ? null : { from: "file", file };
}

function settled<T>(values: Values, option: Option<T>, fallback: T = option.fallback): T {
  const found = values.get(option.key);
  return found ? (found.value as T) : fallback; // it was read by the kind of this very option
}

function mapValues<Name extends string>(
  options: Readonly<Record<Name, Option<number>>>,
  read: (option: Option<number>) => number,
): Record<Name, number> {
  const entries = Object.entries<Option<number>>(options).map(([name, option]) => [name, read(option)]);
  return Object.fromEntries(entries) as Record<Name, number>; // the names are those of `options`
}

/** What no value shows alone: two listeners on one address, deadlines that contradict each other, a store that nobody names. */
function crossChecks(values: Values, defaults: NonNullable<ConfigSources["defaults"]>): readonly string[] {
  const originOf = (option: Option<unknown>) => values.get(option.key)?.origin ?? option.key;
  const problems: string[] = [];
  const { listen, outbound, inbound, admin } = placeOptions;
  const taken = new Map<string, string>();
  for (const option of [listen, outbound, inbound, admin] as readonly Option<HostPort | null>[]) {
    const isDefault = option === listen ? defaults.listen : option === admin ? defaults.admin : undefined;
    const place = settled(values, option, isDefault);
    if (!place || place.port === 0 || (!values.has(option.key) && !isDefault)) continue;
    const text = formatHostPort(place);
    const other = taken.get(text);
    if (other !== undefined) {
      problems.push(
        `${originOf(option)}: expected an address of its own, but ${text} is also that of ${other}`,
      );
    }
    taken.set(text, option.key);
  }
  const [detectMs, headMs] = [
    settled(values, deadlineOptions.detectMs),
    settled(values, deadlineOptions.headMs),
  ];
  if (detectMs > headMs) {
    problems.push(
      `${originOf(deadlineOptions.detectMs)}: expected at most deadlines.headMs (${formatDuration(headMs)}), ` +
        `got ${formatDuration(detectMs)}`,
    );
  }
  // `store: off` is said by somebody who has both in a file, and wants none of them for once.
  const { store, storeRequired } = placeOptions;
  if (settled(values, storeRequired) && !values.has(store.key)) {
    problems.push(
      `${originOf(storeRequired)}: expected a store beside it (${flagOf(store.key)} URL), got none`,
    );
  }
  return problems;
}

function show(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
