// Trust for Chromium and Chrome, which heed no variable: beside their own list they believe the NSS database in the home of
// the user. The command is shown a copy of it with our authority added; the user's own is not touched.

import { execFile } from "node:child_process";
import { copyFile, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "../proxy/accept/find-program.ts";
import type { Cover } from "../proxy/accept/namespace/messages.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A database has these (NSS, "shared" or sql: databases). */
const parts = ["cert9.db", "key4.db", "pkcs11.txt"];
const patienceMs = 5_000;

/**
 * The databases that there are, copied into `folder`, with each certificate of `trust` (PEM) added. Nothing where there is no
 * certutil, or no folder for a database: it could not be covered. One with a password of its own is left as it is.
 */
export async function trustInBrowsers(
  folder: string,
  trust: string,
  env: Environment,
  cwd: string,
): Promise<readonly Cover[]> {
  const certutil = findProgram("certutil", env.PATH, cwd);
  if (certutil.kind !== "found") return [];
  const covers: Cover[] = [];
  for (const [at, over] of (await databasesOf(env)).entries()) {
    const from = join(folder, `nssdb-${at}`);
    try {
      await copyDatabase(over, from);
      await addTo(from, trust, certutil.file);
      covers.push({ from, over });
    } catch {
      // Not one that certutil can change: browsers see the user's own.
    }
  }
  return covers;
}

/** Chromium's places, old and new. */
async function databasesOf({ HOME, XDG_DATA_HOME }: Environment): Promise<readonly string[]> {
  const home = HOME ?? "";
  const data = XDG_DATA_HOME || (home && join(home, ".local/share"));
  const places = [home && join(home, ".pki/nssdb"), data && join(data, "pki/nssdb")];
  const found = await Promise.all(places.map((place) => (place === "" ? false : isFolder(place))));
  return places.filter((_, at) => found[at]);
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/** It may hold keys of the user, so nobody else may read it. */
async function copyDatabase(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  for (const part of parts) await copyFile(join(from, part), join(to, part)).catch(() => undefined);
}

/** certutil takes the first certificate of a file. */
async function addTo(database: string, trust: string, certutil: string): Promise<void> {
  const run = (...words: readonly string[]) =>
    promisify(execFile)(certutil, ["-d", `sql:${database}`, ...words], { timeout: patienceMs });
  const isNew = !(await stat(join(database, "cert9.db")).catch(() => null));
  if (isNew) await run("-N", "--empty-password");
  const certificates = trust.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  for (const [at, certificate] of certificates.entries()) {
    const file = join(database, "added.pem");
    await writeFile(file, `${certificate}\n`);
    await run("-A", "-t", "C,,", "-n", `understudy-run-${at}`, "-i", file);
  }
}
