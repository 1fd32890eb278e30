// The table of all options: name, kind, default and meaning. Flags, variables and the config file are read by it, and
// the help text, the commented config file and its test follow it. A new setting does not compile until it has a row.

import type { HostPort } from "../../core/address.ts";
import type { HealthProbe } from "../../core/app-health.ts";
import { type Deadlines, defaultSettings, type Limits, type Settings } from "../../core/settings.ts";
import type { StoreUrl } from "../../core/store-url.ts";
import type { ForwardProxy } from "../../core/way-out.ts";
import {
  address,
  addressOrOff,
  type CertificateFiles,
  clientCertificates,
  count,
  duration,
  files,
  forwardProxy,
  healthProbe,
  hosts,
  listenAddress,
  name,
  oneOf,
  path,
  places,
  portHints,
  size,
  storeUrl,
  yesOrNo,
} from "./kinds.ts";
import { meshOptions } from "./mesh-options.ts";
import { type Option, option } from "./option.ts";

export type { Option } from "./option.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where traffic comes in, and where people look. */
export const placeOptions = {
  listen: option<HostPort | null>(
    "listen",
    listenAddress,
    null,
    "where the explicit proxy listens (proxy: 127.0.0.1:15080; run: a free port where it is needed; sidecar: off)",
  ),
  outbound: option<HostPort>(
    "outbound",
    address,
    { host: "::", port: 15_001 },
    "sidecar: where redirected calls of the service arrive",
  ),
  inbound: option<HostPort>(
    "inbound",
    address,
    { host: "::", port: 15_006 },
    "sidecar: where redirected calls to the service arrive",
  ),
  to: option<HostPort | null>(
    "to",
    addressOrOff,
    null,
    "proxy: relay every connection to this address instead",
  ),
  upstreamProxy: option<ForwardProxy | null>(
    "upstreamProxy",
    forwardProxy,
    null,
    "forward proxy through which connections to upstreams leave, such as http://proxy.test:3128 or https://proxy.test",
  ),
  upstreamProxyExcept: option<readonly string[]>(
    "upstreamProxyExcept",
    places,
    [],
    "hosts (with all below them), addresses and ranges that are reached without upstreamProxy",
  ),
  admin: option<HostPort | null>(
    "admin",
    addressOrOff,
    null,
    "health, metrics, journal over HTTP (proxy and sidecar: 127.0.0.1:15090; run: off)",
  ),
  adminHosts: option(
    "adminHosts",
    hosts,
    [],
    "names, besides addresses and localhost, under which admin may be called",
  ),
  rules: option<string | null>(
    "rules",
    path,
    null,
    "rules: a file, or a folder of files; followed while running",
  ),
  store: option<StoreUrl | null>(
    "store",
    storeUrl,
    null,
    "rules: a store whose rules are followed too, such as consul://127.0.0.1:8500 or etcd://a:2379,b:2379/my/rules",
  ),
  storeTokenFile: option<string | null>(
    "storeTokenFile",
    path,
    null,
    "file with the ACL token of Consul (or the token itself in UNDERSTUDY_STORE_TOKEN)",
  ),
  storeUser: option<string | null>("storeUser", name, null, "user name at etcd"),
  storePasswordFile: option<string | null>(
    "storePasswordFile",
    path,
    null,
    "file with the password at etcd (or the password itself in UNDERSTUDY_STORE_PASSWORD)",
  ),
  storeCa: option<string | null>(
    "storeCa",
    path,
    null,
    "PEM file of the authority of the store's certificate",
  ),
  storeCert: option<string | null>("storeCert", path, null, "PEM file of our certificate for the store"),
  storeKey: option<string | null>("storeKey", path, null, "PEM file of the private key of storeCert"),
  service: option<string | null>(
    "service",
    name,
    null,
    "name of the service beside which this runs: rules for that service in the store are taken too",
  ),
  namespace: option<string | null>(
    "namespace",
    name,
    null,
    "namespace of that service: rules for it in the store are taken too",
  ),
  stateDir: option<string | null>(
    "stateDir",
    path,
    null,
    "folder of the last good rules of the store (understudy in $XDG_STATE_HOME, which usually is ~/.local/state)",
  ),
  storeRequired: option(
    "storeRequired",
    yesOrNo,
    false,
    "do not start while the store does not answer and there is no copy of its rules in stateDir",
  ),
  ...meshOptions,
  appHealth: option<HealthProbe | null>(
    "appHealth",
    healthProbe,
    null,
    "how the health of the service is asked for: http://127.0.0.1:8080/healthz, grpc://HOST:PORT/SERVICE, tcp://HOST:PORT",
  ),
  appHealthInterval: option<number>(
    "appHealthInterval",
    duration(100, 3_600_000),
    5_000,
    "between two questions after the health of the service",
  ),
  appHealthDeadline: option<number>(
    "appHealthDeadline",
    duration(10, 60_000),
    1_000,
    "for the answer to one of them",
  ),
  logLevel: option<LogLevel>(
    "logLevel",
    oneOf(["debug", "info", "warn", "error"]),
    "info",
    "least level of JSON log lines: calls are info, failed calls warn, our own troubles error",
  ),
  quiet: option("quiet", yesOrNo, false, "no line per call, only troubles"),
  json: option("json", yesOrNo, false, "JSON lines on stdout instead of lines for people on stderr"),
} as const;

const day = 86_400_000;
const { limits, deadlines } = defaultSettings;

export const limitOptions: { readonly [Name in keyof Limits]: Option<Limits[Name]> } = {
  maxHeadBytes: option(
    "limits.maxHeadBytes",
    size(1_024, 16_777_216),
    limits.maxHeadBytes,
    "largest request or response head; a larger request is refused (431)",
  ),
  maxHeaders: option(
    "limits.maxHeaders",
    count(1, 10_000),
    limits.maxHeaders,
    "most header fields of one message",
  ),
  maxConnections: option(
    "limits.maxConnections",
    count(1, 1_000_000),
    limits.maxConnections,
    "most downstream connections at once; further ones wait",
  ),
  maxRuleBodyBytes: option(
    "limits.maxRuleBodyBytes",
    size(0, 268_435_456),
    limits.maxRuleBodyBytes,
    "largest body that a rule may look into; a larger one matches no body key",
  ),
};

export const deadlineOptions: { readonly [Name in keyof Deadlines]: Option<number> } = {
  detectMs: deadline("detectMs", "for the first bytes of a connection, before the server may speak"),
  headMs: deadline("headMs", "from the first byte of a request head to its last"),
  idleMs: deadline("idleMs", "between two requests on one connection"),
  bodyIdleMs: deadline("bodyIdleMs", "without a byte of a request body that is not complete"),
  ruleBodyMs: deadline(
    "ruleBodyMs",
    "without a byte of a request body that a rule waits for, before the call goes on without the rule",
  ),
  opaqueIdleMs: deadline("opaqueIdleMs", "without a byte in either direction on a connection relayed unread"),
  connectMs: deadline("connectMs", "until the upstream has accepted a connection"),
  responseMs: deadline("responseMs", "without a byte of the response, once the request is complete"),
  drainMs: deadline("drainMs", "for open calls to finish after SIGTERM or SIGINT"),
  hangMs: deadline("hangMs", "longest silence of a fault that hangs"),
};

function deadline(name: keyof Deadlines, summary: string): Option<number> {
  // A timer of Node holds at most 2^31 ms, which is 24.8 days.
  return option(`deadlines.${name}`, duration(1, 24 * day), deadlines[name], summary);
}

export const otherOptions: {
  readonly [Name in Exclude<keyof Settings, "limits" | "deadlines">]: Option<Settings[Name]>;
} = {
  portHints: option(
    "portHints",
    portHints(defaultSettings.portHints),
    defaultSettings.portHints,
    "protocols by port of the destination, so that nothing waits for detection: opaque, http/1, or detect",
  ),
  opaqueHosts: option(
    "opaqueHosts",
    hosts,
    defaultSettings.opaqueHosts,
    "hosts whose bytes are relayed unread, such as those that speak HTTP too sloppily",
  ),
  journalCalls: option(
    "journalCalls",
    count(0, 1_000_000),
    defaultSettings.journalCalls,
    "recent calls that are kept in memory for /journal; 0 for none",
  ),
  maxRuleLabels: option(
    "maxRuleLabels",
    count(0, 10_000),
    defaultSettings.maxRuleLabels,
    'rules with metrics of their own; later ones share the label "other"',
  ),
  accessLogLinesPerSecond: option(
    "accessLogLinesPerSecond",
    count(1, 1_000_000),
    defaultSettings.accessLogLinesPerSecond,
    "JSON log lines a second above which lines are left out, and counted",
  ),
};

/** How TLS is opened where a rule concerns it, and what is believed of upstreams. */
export const tlsOptions = {
  caDir: option<string | null>(
    "tls.caDir",
    path,
    null,
    "folder of your certificate authority (understudy/ca in $XDG_CONFIG_HOME, which usually is ~/.config)",
  ),
  upstreamCas: option<readonly string[]>(
    "tls.upstreamCas",
    files,
    [],
    "PEM files of authorities that are trusted for upstreams, besides those of the system",
  ),
  insecureUpstream: option<readonly string[]>(
    "tls.insecureUpstream",
    hosts,
    [],
    "hosts whose certificates are not verified",
  ),
  clientCertificates: option<ReadonlyMap<string, CertificateFiles>>(
    "tls.clientCertificates",
    clientCertificates,
    new Map(),
    "certificates that upstreams are shown in the client's stead, by host",
  ),
} as const;

/** Every option, in the order of the config file. Values are as different as their kinds, hence unknown. */
export const allOptions: readonly Option<unknown>[] = [
  ...Object.values(placeOptions),
  ...Object.values(limitOptions),
  ...Object.values(deadlineOptions),
  ...Object.values(otherOptions),
  ...Object.values(tlsOptions),
] as readonly Option<unknown>[]; // a Kind<T> is asked to print only what it has read

/** `--limits-max-head-bytes` of `limits.maxHeadBytes`. */
export function flagOf(key: string): string {
  return `--${wordsOf(key).join("-").toLowerCase()}`;
}

/** `UNDERSTUDY_LIMITS_MAX_HEAD_BYTES` of `limits.maxHeadBytes`. */
export function variableOf(key: string): string {
  return `UNDERSTUDY_${wordsOf(key).join("_").toUpperCase()}`;
}

/** The section of TLS goes without saying: `--ca-dir` of `tls.caDir`. */
function wordsOf(key: string): readonly string[] {
  return key
    .replace(/^tls\./, "")
    .replace(/([a-z0-9])([A-Z])/g, "$1.$2")
    .split(".");
}
