// Kinds of values that options hold: how each is read from text or YAML, and how it is written in a config file.

import { formatHostPort, type HostPort, splitAuthority } from "../../core/address.ts";
import { type HealthProbe, parseHealthProbe } from "../../core/app-health.ts";
import { asciiHost } from "../../core/ascii-host.ts";
import { type JoinTarget, parseJoinTarget } from "../../core/join-target.ts";
import type { ProtocolHint } from "../../core/settings.ts";
import { formatStoreUrl, parseStoreUrl, type StoreUrl } from "../../core/store-url.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../core/units.ts";
import { type ForwardProxy, forwardProxyText, parseForwardProxy } from "../../core/way-out.ts";

export interface Kind<T> {
  /** What a right value is, for the message about a wrong one: `a size such as 64KiB`. */
  expected(wrong: unknown): string;
  /** `SIZE`, for the help text; null for a flag without a value. */
  readonly placeholder: string | null;
  /** From a flag, a variable (then always a string) or YAML; undefined: not such a value. */
  read(value: unknown): T | undefined;
  /** What stands there by mistake may be a secret: messages do not repeat it. */
  readonly secretive?: boolean;
  /** As YAML: `64KiB`, `[]`. */
  print(value: T): string;
}

/** A whole number of bytes within bounds. */
export function size(leastBytes: number, mostBytes: number): Kind<number> {
  return {
    expected: (wrong) =>
      parseSize(String(wrong)) === undefined
        ? "a size such as 64KiB"
        : `a size from ${formatSize(leastBytes)} to ${formatSize(mostBytes)}`,
    placeholder: "SIZE",
    read: (value) => within(parseSize(String(value)), leastBytes, mostBytes),
    print: formatSize,
  };
}

/** Milliseconds within bounds; a bare number is refused, since it might mean seconds. */
export function duration(leastMs: number, mostMs: number): Kind<number> {
  const parse = (value: unknown) => (typeof value === "string" ? parseDuration(value) : undefined);
  return {
    expected: (wrong) =>
      parse(wrong) === undefined
        ? "a duration such as 30s"
        : `a duration from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}`,
    placeholder: "TIME",
    read: (value) => within(parse(value), leastMs, mostMs),
    print: formatDuration,
  };
}

/** A whole number within bounds. */
export function count(least: number, most: number): Kind<number> {
  return {
    expected: () => `a whole number from ${least} to ${most}`,
    placeholder: "N",
    read: (value) => within(/^\d{1,15}$/.test(String(value)) ? Number(value) : undefined, least, most),
    print: String,
  };
}

/** `host:port`; a bare `:port` is on loopback. */
export const address: Kind<HostPort> = {
  expected: (wrong) => {
    const [scheme] = /^[a-z]+:\/\//i.exec(String(wrong)) ?? [];
    return `an address such as 127.0.0.1:8080${scheme === undefined ? "" : `, without ${scheme}`}`;
  },
  placeholder: "ADDR:PORT",
  read: (value) => {
    const found = typeof value === "string" ? splitAuthority(value) : undefined;
    return found?.port === undefined ? undefined : { host: found.host || "127.0.0.1", port: found.port };
  },
  print: (value) => quoteForYaml(formatHostPort(value)),
};

/** As `address`; null where it is `off`. */
export const addressOrOff: Kind<HostPort | null> = {
  expected: (wrong) => `${address.expected(wrong)}, or off`,
  placeholder: "ADDR:PORT|off",
  read: (value) => (value === "off" || value === false ? null : address.read(value)),
  print: (value) => (value === null ? "off" : address.print(value)),
};

/** As `addressOrOff`, for what hardly anybody switches off: messages do not speak of it. */
export const listenAddress: Kind<HostPort | null> = {
  ...addressOrOff,
  expected: address.expected,
  placeholder: address.placeholder,
};

/** Yes or no; alone on the command line it means yes. */
export const yesOrNo: Kind<boolean> = {
  expected: () => "true or false",
  placeholder: null,
  read: (value) => {
    const text = String(value).toLowerCase();
    if (["true", "yes", "on", "1"].includes(text)) return true;
    return ["false", "no", "off", "0"].includes(text) ? false : undefined;
  },
  print: String,
};

/** A file or folder; null where it is `off`. */
export const path: Kind<string | null> = {
  expected: () => "a path of a file or folder, or off",
  placeholder: "FILE|FOLDER",
  read: (value) => {
    if (value === "off" || value === false) return null;
    return typeof value === "string" && value !== "" && !value.includes("\0") ? value : undefined;
  },
  print: (value) => (value === null ? "off" : quoteForYaml(value)),
};

/** The URL of a store of rules; null where it is `off`. */
export const storeUrl: Kind<StoreUrl | null> = {
  expected: () =>
    "a store such as consul://127.0.0.1:8500 or etcd://127.0.0.1:2379 (for TLS consul+https, or etcd+https with names instead of addresses; no secrets in it), or off",
  placeholder: "URL|off",
  secretive: true,
  read: (value) => {
    if (value === "off" || value === false) return null;
    return typeof value === "string" ? parseStoreUrl(value) : undefined;
  },
  print: (value) => (value === null ? "off" : JSON.stringify(formatStoreUrl(value))),
};

/** A name of letters, digits, `-`, `_` and `.`; null where it is `off`. */
export const name: Kind<string | null> = {
  expected: () => "a name of letters, digits, -, _ and ., or off",
  placeholder: "NAME",
  read: (value) => {
    if (value === "off" || value === false) return null;
    return typeof value === "string" && /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(value)
      ? value
      : undefined;
  },
  print: (value) => (value === null ? "off" : quoteForYaml(value)),
};

/** How the health of a service is asked for; null where it is `off`. */
export const healthProbe: Kind<HealthProbe | null> = {
  expected: () =>
    "http://127.0.0.1:8080/healthz, grpc://127.0.0.1:50051, grpc://127.0.0.1:50051/SERVICE or tcp://127.0.0.1:5432, or off",
  placeholder: "URL|off",
  read: (value) => {
    if (value === "off" || value === false) return null;
    return typeof value === "string" ? parseHealthProbe(value) : undefined;
  },
  print: (value) =>
    value === null
      ? "off"
      : JSON.stringify(
          `${value.kind}://${formatHostPort(value.to)}${value.kind === "http" ? value.path : value.kind === "grpc" ? `/${value.service}` : ""}`,
        ),
};

/** A name of letters, digits, `-` and `.`, as members of a mesh have it; null where it is `off`. */
export const memberName: Kind<string | null> = {
  expected: () => "a name of at most 128 letters, digits, - and ., or off",
  placeholder: "NAME",
  read: (value) => {
    if (value === "off" || value === false) return null;
    return typeof value === "string" && /^[A-Za-z0-9.-]{1,128}$/.test(value) ? value : undefined;
  },
  print: (value) => (value === null ? "off" : quoteForYaml(value)),
};

/** Keeps meshes on one network apart. memberlist: 255 bytes at most; no blanks here, which nobody would see. */
export const meshLabel: Kind<string | null> = {
  expected: () => "a label of at most 255 letters, digits and signs without blanks, or off",
  placeholder: "LABEL",
  read: (value) => {
    if (value === "off" || value === false) return null;
    return typeof value === "string" && /^[\x21-\x7e]{1,255}$/.test(value) ? value : undefined;
  },
  print: (value) => (value === null ? "off" : quoteForYaml(value)),
};

/** Whom to join; as text parted by commas. */
export const joinTargets: Kind<readonly JoinTarget[]> = {
  expected: () => "addresses or names such as 10.0.0.7:7946 or mesh.shop.svc, or store:",
  placeholder: "ADDR:PORT,…",
  read: (value) => {
    const list = Array.isArray(value) ? value : typeof value === "string" ? splitList(value) : undefined;
    const targets = list?.map((item) => (typeof item === "string" ? parseJoinTarget(item) : undefined));
    return targets?.every((target) => target !== undefined) ? targets : undefined;
  },
  print: (value) =>
    `[${value.map((target) => quoteForYaml(target.kind === "store" ? "store:" : formatHostPort(target.at))).join(", ")}]`,
};

/** Files of PEM certificates; as text parted by commas. */
export const files: Kind<readonly string[]> = {
  expected: () => "files such as ca.pem",
  placeholder: "FILE,…",
  read: (value) => {
    const list = Array.isArray(value) ? value : typeof value === "string" ? splitList(value) : undefined;
    return list?.every((file) => typeof file === "string" && isFile(file)) ? list : undefined;
  },
  print: (value) => `[${value.map(quoteForYaml).join(", ")}]`,
};

/** The files of a certificate and its private key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Certificates by host: YAML `{bank.test: {cert: me.pem, key: me.key}}`, as text `bank.test=me.pem:me.key`. */
export const clientCertificates: Kind<ReadonlyMap<string, CertificateFiles>> = {
  expected: (wrong) =>
    `hosts with the files of a certificate and its key, such as ${typeof wrong === "string" ? "bank.test=me.pem:me.key" : "bank.test: {cert: me.pem, key: me.key}"}`,
  placeholder: "HOST=CERT:KEY,…",
  read: (value) => {
    const pairs = typeof value === "string" ? splitList(value).map(certificateInText) : entriesOf(value);
    if (!pairs?.every((pair) => pair !== undefined)) return undefined;
    const found = new Map<string, CertificateFiles>();
    for (const [host, files] of pairs) {
      const { cert, key, ...others } = Object.fromEntries(entriesOf(files) ?? []);
      if (!isHost(host) || !isFile(cert) || !isFile(key) || Object.keys(others).length > 0) return undefined;
      found.set(asciiHost(host), { cert, key });
    }
    return found;
  },
  print: (value) =>
    `{${[...value].map(([host, { cert, key }]) => `${quoteForYaml(host)}: {cert: ${quoteForYaml(cert)}, key: ${quoteForYaml(key)}}`).join(", ")}}`,
};

function certificateInText(text: string): readonly [string, unknown] | undefined {
  const found = /^([^=]+)=([^=:]+):([^=:]+)$/.exec(text);
  return found?.[1] === undefined ? undefined : [found[1], { cert: found[2], key: found[3] }];
}

/** One of some words. */
export function oneOf<Word extends string>(words: readonly Word[]): Kind<Word> {
  return {
    expected: () => `one of ${words.join(", ")}`,
    placeholder: words.join("|"),
    read: (value) => words.find((word) => word === value),
    print: (value) => value,
  };
}

/** Hosts, each with or without a port; as text parted by commas. */
export const hosts: Kind<readonly string[]> = {
  expected: () => "hosts such as old.shop or old.shop:8080",
  placeholder: "HOST,…",
  read: (value) => {
    const list = Array.isArray(value) ? value : typeof value === "string" ? splitList(value) : undefined;
    return list?.every((host) => typeof host === "string" && isHost(host)) ? list.map(asciiHost) : undefined;
  },
  print: (value) => `[${value.map(quoteForYaml).join(", ")}]`,
};

/** A forward proxy; null where it is `off`. */
export const forwardProxy: Kind<ForwardProxy | null> = {
  expected: () => "a proxy of HTTP, such as http://proxy.test:3128 or https://proxy.test, or off",
  placeholder: "URL|off",
  secretive: true,
  read: (value) => {
    if (value === "off" || value === false) return null;
    return typeof value === "string" && value !== "" ? (parseForwardProxy(value) ?? undefined) : undefined;
  },
  print: (value) => (value === null ? "off" : JSON.stringify(forwardProxyText(value))),
};

/** Hosts, addresses and ranges; as text parted by commas. */
export const places: Kind<readonly string[]> = {
  expected: () => "hosts, addresses or ranges such as shop.test or 10.0.0.0/8",
  placeholder: "HOST|RANGE,…",
  read: (value) => {
    const list = Array.isArray(value) ? value : typeof value === "string" ? splitList(value) : undefined;
    return list?.every((place) => typeof place === "string" && /^[^\s,@?#]+$/.test(place)) ? list : undefined;
  },
  print: (value) => `[${value.map(quoteForYaml).join(", ")}]`,
};

/**
 * Protocols by port: YAML `{3306: opaque}`, as text `3306=opaque,8080=http/1`. They are added to `known`; `detect`
 * takes a known one away.
 */
export function portHints(known: ReadonlyMap<number, ProtocolHint>): Kind<ReadonlyMap<number, ProtocolHint>> {
  return {
    expected: () => "ports with opaque, http/1 or detect, such as 3306: opaque (as text 3306=opaque)",
    placeholder: "PORT=opaque,…",
    read: (value) => {
      const pairs =
        typeof value === "string" ? splitList(value).map((item) => item.split("=")) : entriesOf(value);
      const hints = new Map(known);
      for (const [portText = "", hint] of pairs ?? []) {
        const port = count(1, 65_535).read(portText.trim());
        if (port === undefined) return undefined;
        if (hint === "opaque" || hint === "http/1") hints.set(port, hint);
        else if (hint === "detect") hints.delete(port);
        else return undefined;
      }
      return pairs && hints;
    },
    print: (value) => `{${[...value].map(([port, hint]) => `${port}: ${hint}`).join(", ")}}`,
  };
}

function within(value: number | undefined, least: number, most: number): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined;
}

function splitList(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function isFile(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !value.includes("\0");
}

function isHost(text: string): boolean {
  const found = splitAuthority(text);
  return found !== undefined && found.host !== "";
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : undefined;
}

function quoteForYaml(text: string): string {
  return /^[\w./-]+(?::\d+)?$/.test(text) ? text : JSON.stringify(text);
}
