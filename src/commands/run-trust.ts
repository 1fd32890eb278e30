// What makes a command trust our authority besides everything that it trusts anyway: certificate bundles in a folder of
// their own, and the variables that name them. The folder goes with this process, however it ends.

import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { trustInJava } from "./java-trust.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface TrustFolder {
  /** To be set for the command. */
  readonly variables: Readonly<Record<string, string>>;
  /** Removes the folder. */
  close(): Promise<void>;
}

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

/** Where systems keep their bundle: Debian, Fedora, openSUSE, Alpine. */
const systemBundles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** `trust`: PEM of what is to be trusted in addition. */
export async function openTrustFolder(trust: string, env: Environment, cwd: string): Promise<TrustFolder> {
  const folder = await mkdtemp(join(tmpdir(), "understudy-trust-"));
  const broom = sweepAfterUs(folder);
  try {
    await chmod(folder, 0o755); // nothing secret: a command that gives up its rights goes on trusting
    return {
      variables: {
        ...(await writeBundles(folder, trust, env)),
        ...(await writeExtra(folder, trust, env)),
        ...(await trustInJava(folder, trust, env, cwd, () => bundleAt(""))),
      },
      async close() {
        await rm(folder, { recursive: true, force: true });
        broom.end();
      },
    };
  } catch (thrown) {
    broom.end();
    throw thrown;
  }
}

async function writeBundles(
  folder: string,
  trust: string,
  env: Environment,
): Promise<Readonly<Record<string, string>>> {
  const files = new Map<string, string>();
  const variables: Record<string, string> = {};
  for (const [variable, heeded] of Object.entries(replacing)) {
    const base = heeded.map((name) => env[name]).find((path) => path) ?? "";
    let file = files.get(base);
    if (file === undefined) {
      file = join(folder, files.size === 0 ? "bundle.pem" : `bundle-${files.size}.pem`);
      await writeFile(file, `${await bundleAt(base)}\n${trust}`, { mode: 0o644 });
      files.set(base, file);
    }
    variables[variable] = file;
  }
  return variables;
}

/** Node adds the file to its own list, so ours need hold nothing else but what the user has put there. */
async function writeExtra(
  folder: string,
  trust: string,
  env: Environment,
): Promise<Readonly<Record<string, string>>> {
  const before = env.NODE_EXTRA_CA_CERTS ? await readOr(env.NODE_EXTRA_CA_CERTS, "") : "";
  const file = join(folder, "extra.pem");
  await writeFile(file, `${before}\n${trust}`, { mode: 0o644 });
  return { NODE_EXTRA_CA_CERTS: file };
}

/** The bundle that the user has named, else the system's, else the list that Node brings. */
async function bundleAt(named: string): Promise<string> {
  for (const path of named === "" ? systemBundles : [named, ...systemBundles]) {
    const text = await readOr(path, "");
    if (text.includes("-----BEGIN ")) return text;
  }
  return rootCertificates.join("\n");
}

function readOr(path: string, otherwise: string): Promise<string> {
  return readFile(path, "utf8").catch(() => otherwise);
}

/**
 * A shell that waits for our end, by the end of a pipe that we alone hold, and then removes the folder: nothing of
 * ours could do so after SIGKILL. It has a session of its own, so that Ctrl-C does not end it before us.
 */
function sweepAfterUs(folder: string): { end(): void } {
  const shell = spawn("/bin/sh", ["-c", 'read -r _; rm -rf -- "$0"', folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
  });
  shell.on("error", () => undefined); // no shell: the folder is still removed by close()
  shell.stdin?.on("error", () => undefined);
  shell.unref();
  return { end: () => void shell.stdin?.end() };
}
