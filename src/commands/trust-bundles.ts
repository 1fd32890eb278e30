// The bundles of certificates that programs read: which variables name them, where systems keep theirs, and files of ours
// that hold the same with our authority added.

import { readFile, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import type { Cover } from "../proxy/accept/namespace/messages.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Variables that replace what a program trusts, each with those that it heeds in its stead: a bundle that the user has
 * set stays in force, and ours is added to it.
 */
const replacing: Readonly<Record<string, readonly string[]>> = {
  SSL_CERT_FILE: ["SSL_CERT_FILE"], // OpenSSL, so Python's ssl, Ruby, PHP; Go; rustls-native-certs
  REQUESTS_CA_BUNDLE: ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
  CURL_CA_BUNDLE: ["CURL_CA_BUNDLE", "SSL_CERT_FILE"],
  GIT_SSL_CAINFO: ["GIT_SSL_CAINFO", "SSL_CERT_FILE"],
  GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: ["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "SSL_CERT_FILE"], // grpc-js, gRPC's C core
};

/** Variables that some programs prefer to those above: touched only where the user has set them. */
const preferred = [
  "AWS_CA_BUNDLE",
  "CARGO_HTTP_CAINFO",
  "NIX_SSL_CERT_FILE",
  "npm_config_cafile",
  "PERL_LWP_SSL_CA_FILE",
  "PIP_CERT",
];

/** Where systems keep their bundle: Debian, Fedora, openSUSE, Alpine. */
const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

export interface Bundles {
  readonly variables: Readonly<Record<string, string>>;
  /**
   * What is to be seen in place of the system's own bundles: there are programs that heed no variable (wget, PHP's curl, all
   * that use GnuTLS), or are started without any.
   */
  readonly covers: readonly Cover[];
}

/** Writes files into `folder`, readable by all. `trust`: PEM of what is to be trusted in addition. */
export async function writeBundles(folder: string, trust: string, env: Environment): Promise<Bundles> {
  const files = new Map<string, string>();
  const fileFor = async (base: string): Promise<string> => {
    const known = files.get(base);
    if (known !== undefined) return known;
    const file = join(folder, files.size === 0 ? "bundle.pem" : `bundle-${files.size}.pem`);
    files.set(base, file);
    await writeFile(file, `${await bundleAt(base)}\n${trust}`, { mode: 0o644 });
    return file;
  };
  const variables: Record<string, string> = {};
  for (const [variable, heeded] of Object.entries(replacing)) {
    variables[variable] = await fileFor(heeded.map((name) => env[name]).find((path) => path) ?? "");
  }
  for (const variable of preferred) {
    const named = env[variable];
    if (named) variables[variable] = await fileFor(named);
  }
  const covers: Cover[] = [];
  for (const over of await foundBundles()) covers.push({ from: await fileFor(over), over });
  return { variables, covers };
}

/**
 * What the variables name in place of the system's bundle, PEM: upstreams that the command would have trusted without us are
 * to be trusted with us. Node's and OpenSSL's own variables are left out, for Node heeds them by itself.
 */
export async function namedRoots(env: Environment): Promise<readonly string[]> {
  const heededByNode = new Set(["SSL_CERT_FILE"]);
  const names = [...Object.keys(replacing), ...preferred].filter((name) => !heededByNode.has(name));
  const paths = new Set(names.flatMap((name) => env[name] || []));
  const system = await foundBundles();
  const texts = await Promise.all(
    [...paths].map(async (path) => (system.includes(await resolved(path)) ? "" : readOr(path, ""))),
  );
  return texts.filter((text) => text.includes("-----BEGIN "));
}

/** The bundle that the user has named (""; none), else the system's, else the list that Node brings. */
export async function bundleAt(named: string): Promise<string> {
  for (const path of named === "" ? systemBundles : [named, ...systemBundles]) {
    const text = await readOr(path, "");
    if (text.includes("-----BEGIN ")) return text;
  }
  return rootCertificates.join("\n");
}

/** The bundles of this system, each once whatever links lead to it. */
async function foundBundles(): Promise<readonly string[]> {
  const found = await Promise.all(systemBundles.map(resolved));
  return [...new Set(found.filter((path) => path !== ""))];
}

/** "" where there is nothing. */
function resolved(path: string): Promise<string> {
  return realpath(path).catch(() => "");
}

export function readOr(path: string, otherwise: string): Promise<string> {
  return readFile(path, "utf8").catch(() => otherwise);
}
