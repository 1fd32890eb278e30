// The command line of the commands that speak to a store: flags of the store, of the audience, and their own; and what each
// of them then works with.

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { loadConfig } from "../control/config/load.ts";
import { flagOf } from "../control/config/options.ts";
import type { KeyValueStore } from "../control/rules/kv/key-value-store.ts";
import { openStore } from "../control/rules/kv/open-store.ts";
import { type Audience, everyone, namePattern } from "../control/rules/registry/keys.ts";
import { Registry } from "../control/rules/registry/registry.ts";
import { systemClock } from "../core/clock.ts";
import { UnderstudyError } from "../core/errors.ts";
import { systemRandom } from "../core/random.ts";
import type { Shell } from "./command.ts";
import { parseFlags } from "./flags.ts";
import { wrapped } from "./wrapped.ts";

/** Config options that are flags of these commands. */
const optionKeys = [
  ...["store", "storeTokenFile", "storeUser", "storePasswordFile"],
  ...["storeCa", "storeCert", "storeKey"],
];

export interface StoreLineSpec {
  /** `rules apply`. */
  readonly command: string;
  /** Flags of its own; names without dashes. */
  readonly flags?: Readonly<Record<string, "string" | "boolean">>;
  /** What the operands are, and how many there may be. */
  readonly operands: { readonly what: string; readonly least: number; readonly most: number };
}

export interface StoreLine {
  readonly store: KeyValueStore;
  readonly prefix: string;
  readonly audience: Audience;
  readonly registry: Registry;
  readonly operands: readonly string[];
  readonly json: boolean;
  /** Of an own flag, where it was given. */
  readonly text: (flag: string) => string | undefined;
  readonly isSet: (flag: string) => boolean;
}

/** `alice@laptop`. */
export function authorOf({ env, uid }: Shell): string {
  return `${env.USER || env.LOGNAME || userName() || `uid ${uid}`}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return ""; // an id without an entry, as containers have it
  }
}

export const newId = () => randomBytes(8).toString("hex");

/** Versions before the one in force that are kept, unless --keep says otherwise. */
const usualVersions = 20;

/** The store is connected to when it is first asked; the caller closes it. Throws `usage`, `bad_config`. */
export async function readStoreLine(
  args: readonly string[],
  shell: Shell,
  spec: StoreLineSpec,
): Promise<StoreLine> {
  const { flags, own, operands, file } = parse(args, spec);
  const config = await loadConfig({
    flags,
    env: shell.env,
    file,
    readFile: (path) => readFile(isAbsolute(path) ? path : join(shell.cwd, path)),
  });
  const { url, access } = config.store;
  if (url === null) {
    throw new UnderstudyError(
      "bad_config",
      "--store: expected a store such as consul://127.0.0.1:8500 or etcd://127.0.0.1:2379, got nothing",
    );
  }
  const audience = audienceOf(own.get("service"), own.get("namespace"));
  const keepVersions = countOf("--keep", own.get("keep"), usualVersions);
  const store = await openStore(url, access, { clock: systemClock, random: systemRandom });
  const options = { store, prefix: url.prefix, audience, keepVersions, author: authorOf(shell) };
  return {
    ...{ store, prefix: url.prefix, audience, operands },
    registry: new Registry(options, { wall: systemClock.wall, newId }),
    json: config.json || own.has("json"),
    text: (flag) => own.get(flag),
    isSet: (flag) => own.has(flag),
  };
}

interface Parsed {
  /** By option key. */
  readonly flags: ReadonlyMap<string, string>;
  readonly own: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
  readonly file: string | undefined;
}

function parse(args: readonly string[], spec: StoreLineSpec): Parsed {
  const { command, flags = {}, operands } = spec;
  const keys = new Map(optionKeys.map((key) => [flagOf(key).slice(2), key]));
  const usual = { service: "string", namespace: "string", json: "boolean", config: "string" } as const;
  const known = {
    ...Object.fromEntries([...keys.keys()].map((flag) => [flag, "string" as const])),
    ...usual,
    ...flags,
  };
  const options = Object.fromEntries(Object.entries(known).map(([flag, type]) => [flag, { type }]));
  const { values, positionals } = parseFlags(args, { command, options, operands: operands.what });
  if (positionals.length < operands.least || positionals.length > operands.most) {
    const got = positionals.length === 0 ? "nothing" : positionals.join(" ");
    throw new UnderstudyError("usage", `${command}: expected ${operands.what}, got ${got}`);
  }
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return {
    flags: new Map(
      given.flatMap(([flag, value]) => {
        const key = keys.get(flag);
        return key === undefined ? [] : [[key, String(value)] as const];
      }),
    ),
    own: new Map(given.filter(([flag]) => !keys.has(flag)).map(([flag, value]) => [flag, String(value)])),
    operands: positionals,
    file: typeof values.config === "string" ? values.config : undefined,
  };
}

function audienceOf(service: string | undefined, namespace: string | undefined): Audience {
  for (const [flag, name] of Object.entries({ service, namespace })) {
    if (name !== undefined && !namePattern.test(name)) {
      throw new UnderstudyError(
        "bad_config",
        `--${flag}: expected a name of letters, digits, -, _ and ., got ${JSON.stringify(name)}`,
      );
    }
  }
  if (service !== undefined && namespace !== undefined) {
    throw new UnderstudyError("usage", "--service and --namespace: expected one of them, got both");
  }
  if (service !== undefined) return { kind: "service", name: service };
  return namespace === undefined ? everyone : { kind: "namespace", name: namespace };
}

/** Versions are counted for ever. */
export const mostVersion = 999_999_999;

/** A whole number from 0 to `most`. */
export function countOf(flag: string, text: string | undefined, fallback: number, most = 1_000): number {
  if (text === undefined) return fallback;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= most) return count;
  throw new UnderstudyError(
    "bad_config",
    `${flag}: expected a whole number from 0 to ${most}, got ${JSON.stringify(text)}`,
  );
}

/** Aborts at SIGINT and SIGTERM. `stop` lets signals be as they were. */
export function abortedBySignals(shell: Shell): { readonly signal: AbortSignal; stop(): void } {
  const aborting = new AbortController();
  const abort = () => aborting.abort(new UnderstudyError("aborted", "interrupted"));
  const stops = (["SIGINT", "SIGTERM"] as const).map((name) => shell.onSignal(name, abort));
  return {
    signal: aborting.signal,
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

/** Reads the command line, does the work, and closes the store. */
export async function withStore(
  args: readonly string[],
  shell: Shell,
  spec: StoreLineSpec,
  work: (line: StoreLine, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const line = await readStoreLine(args, shell, spec);
  const aborted = abortedBySignals(shell);
  try {
    return await work(line, aborted.signal);
  } finally {
    line.store.close();
    aborted.stop();
  }
}

/** The part of a help text that these commands share. */
export const storeFlagsHelp = `Flags of the store:
  --store URL              consul://HOST:PORT or etcd://HOST:PORT,…; a prefix
                           other than understudy/rules/ at its end;
                           consul+https, etcd+https for TLS
  --store-token-file FILE  ACL token of Consul (or UNDERSTUDY_STORE_TOKEN)
  --store-user NAME        user at etcd; the password in --store-password-file
                           FILE or UNDERSTUDY_STORE_PASSWORD
  --store-ca, --store-cert, --store-key FILE
                           PEM files for TLS
  --service NAME           rules of the sidecars of that service alone
  --namespace NAME         rules of the sidecars of that namespace alone
  --config FILE            a config file that holds these, as for understudy
                           sidecar
  --json                   JSON instead of text
`;

/** The exit codes of such a command; `own`: those that it does not share with the others, `0 no difference, 1 some`. */
export function storeExitHelp(own: string): string {
  const shared =
    "64 the command line is not understood, 65 the rules are refused, 69 the store does not answer, " +
    "75 somebody else has changed the rules in between, 78 a value is wrong, or --store is missing";
  return wrapped(`Exit code: ${own}, ${shared}.`, "");
}
