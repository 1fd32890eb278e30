// TLS for the commands that carry traffic: the authority that signs, and what is believed of upstreams, read from files.

import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { isAbsolute, join } from "node:path";
import { openAuthority } from "../control/ca/folder.ts";
import type { Config, TlsConfig } from "../control/config/load.ts";
import type { Authority } from "../core/certificates.ts";
import { systemClock } from "../core/clock.ts";
import { messageOf, UnderstudyError } from "../core/errors.ts";
import type { ClientCertificate, UpstreamTrust } from "../proxy/relay/upstream-trust.ts";
import type { TlsOptions } from "../sidecar/options.ts";
import type { Shell } from "./command.ts";

type Surroundings = Pick<Shell, "env" | "cwd">;

/**
 * undefined without rules: then nothing is ever opened. `otherwise`: the authority where the user has none. Throws
 * `bad_config` for a file that cannot be used.
 */
export async function tlsOptionsOf(
  { tls, rules }: Pick<Config, "tls" | "rules">,
  shell: Surroundings,
  otherwise: () => Promise<Authority | null>,
): Promise<TlsOptions | undefined> {
  if (rules === null) return undefined;
  const folder = authorityFolder(tls, shell);
  const own = folder === null ? null : await openAuthority(folder, systemClock);
  // A place that was named and misspelled would leave every HTTPS call unread, without a word.
  if (own === null && tls.caDir !== null) {
    throw new UnderstudyError(
      "bad_config",
      `--ca-dir: expected a folder with an authority, got none in ${folder}: understudy ca init --ca-dir ${tls.caDir} makes one`,
    );
  }
  return { authority: own ?? (await otherwise()), ...(await upstreamTrustOf(tls, shell)) };
}

/** What is believed of upstreams, and shown to them. Throws `bad_config` for a file that cannot be used. */
export async function upstreamTrustOf(tls: TlsConfig, shell: Surroundings): Promise<UpstreamTrust> {
  const read = (field: string, path: string) => readPem(field, inFolder(shell.cwd, path));
  return {
    extraRoots: await Promise.all(tls.upstreamCas.map((path) => read("tls.upstreamCas", path))),
    unverified: tls.insecureUpstream,
    clientCertificates: await Promise.all(
      [...tls.clientCertificates].map(async ([host, { cert, key }]) =>
        checkedPair({
          host,
          certificate: await read(`tls.clientCertificates.${host}.cert`, cert),
          key: await read(`tls.clientCertificates.${host}.key`, key),
        }),
      ),
    ),
  };
}

/** Throws what would else be told by the first call to that host, in words of OpenSSL. */
async function checkedPair(pair: ClientCertificate): Promise<ClientCertificate> {
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  const field = `tls.clientCertificates.${pair.host}`;
  const parsed = <T>(part: string, expected: string, parse: () => T): T => {
    try {
      return parse();
    } catch (cause) {
      const text = `${field}.${part}: expected ${expected}: ${messageOf(cause)}`;
      throw new UnderstudyError("bad_config", text, { cause });
    }
  };
  const certificate = parsed("cert", "a certificate", () => new X509Certificate(pair.certificate));
  const key = parsed("key", "a private key without a passphrase", () => createPrivateKey(pair.key));
  if (certificate.checkPrivateKey(key)) return pair;
  throw new UnderstudyError("bad_config", `${field}.key: expected the key of the certificate, got another`);
}

/** Where the user's authority is or would be; null where there is no home to put it. */
export function authorityFolder(tls: Pick<TlsConfig, "caDir">, { env, cwd }: Surroundings): string | null {
  if (tls.caDir !== null) return inFolder(cwd, tls.caDir);
  const home = env.XDG_CONFIG_HOME || (env.HOME ? join(env.HOME, ".config") : "");
  return home === "" ? null : join(inFolder(cwd, home), "understudy", "ca");
}

/** Tells the authorities of several machines apart in a browser's list. */
export function authorityName(): string {
  return `Understudy of ${hostname().slice(0, 40)}`;
}

function inFolder(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

async function readPem(field: string, path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    throw new UnderstudyError("bad_config", `${field}: expected a PEM file: ${messageOf(thrown)}`);
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new UnderstudyError("bad_config", `${field}: expected a PEM file, but ${path} holds none`);
}
