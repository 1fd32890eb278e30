// The user's own authority on disk:
//
//   ca.pem         its certificate, for whoever shall trust it
//   ca.key         its private key, for the owner's eyes alone (0600)
//   replaced.pem   the certificate before the last rotation, until its leaves have ended

import { X509Certificate } from "node:crypto";
import { chmod, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Authority } from "../../core/certificates.ts";
import type { Clock } from "../../core/clock.ts";
import { messageOf, UnderstudyError } from "../../core/errors.ts";
import { makeFolder } from "../../core/make-folder.ts";
import { formatDuration } from "../../core/units.ts";

/** What people are shown of an authority; nothing secret. */
export interface AuthorityFacts {
  readonly certificateFile: string;
  /** SHA-256 of the certificate, `AB:CD:…`. */
  readonly fingerprint: string;
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The certificate before the last rotation is still in the bundle. */
  readonly keepsReplaced: boolean;
}

const filesOf = (folder: string) => ({
  certificate: join(folder, "ca.pem"),
  key: join(folder, "ca.key"),
  replaced: join(folder, "replaced.pem"),
});

/** Makes an authority where there is none. Throws `bad_config` where there is one: it is never overwritten. */
export async function initAuthority(
  folder: string,
  name: string,
  clock: Pick<Clock, "wall">,
): Promise<AuthorityFacts> {
  const files = filesOf(folder);
  for (const file of [files.certificate, files.key]) {
    if (await exists(file)) {
      throw new UnderstudyError(
        "bad_config",
        `${file} exists already, and is not overwritten; understudy ca show tells about it, understudy ca rotate replaces it`,
      );
    }
  }
  await makeFolder(folder).catch((thrown) => {
    throw new UnderstudyError(
      "bad_config",
      `--ca-dir: expected a folder, or a place where one can be made: ${messageOf(thrown)}`,
    );
  });
  await writePair(files, name, clock).catch(cannotBeWritten);
  return readFacts(folder, clock);
}

/** Replaces the authority; the old certificate stays in the bundle for as long as its leaves may live. */
export async function rotateAuthority(
  folder: string,
  name: string,
  clock: Pick<Clock, "wall">,
): Promise<AuthorityFacts> {
  const files = filesOf(folder);
  const old = await readText(files.certificate);
  await replacePair(files, old, name, clock).catch(cannotBeWritten);
  return readFacts(folder, clock);
}

async function replacePair(
  files: ReturnType<typeof filesOf>,
  old: string,
  name: string,
  clock: Pick<Clock, "wall">,
): Promise<void> {
  await writeFile(`${files.replaced}.new`, old, { mode: 0o644 });
  await rename(`${files.replaced}.new`, files.replaced);
  await rm(`${files.key}.new`, { force: true });
  await rm(`${files.certificate}.new`, { force: true });
  const fresh = { certificate: `${files.certificate}.new`, key: `${files.key}.new` };
  await writePair(fresh, name, clock);
  await rename(fresh.key, files.key);
  await rename(fresh.certificate, files.certificate);
}

/** The system's words name the file. */
function cannotBeWritten(thrown: unknown): never {
  throw new UnderstudyError("bad_config", `--ca-dir: the authority cannot be written: ${messageOf(thrown)}`);
}

/** The authority at work; null where none was made. Throws `bad_config` where it cannot be used as it is. */
export async function openAuthority(folder: string, clock: Pick<Clock, "wall">): Promise<Authority | null> {
  const files = filesOf(folder);
  if (!(await exists(files.certificate)) && !(await exists(files.key))) return null;
  const facts = await readFacts(folder, clock);
  const certificate = await readText(files.certificate);
  if (!new X509Certificate(certificate).ca) {
    throw new UnderstudyError(
      "bad_config",
      `${files.certificate}: expected the certificate of an authority first (basic constraints: CA), got that of ${facts.subject}`,
    );
  }
  if (facts.notAfter.getTime() <= clock.wall()) {
    throw new UnderstudyError(
      "bad_config",
      `${files.certificate}: the certificate ended on ${facts.notAfter.toISOString()}; understudy ca rotate makes a new one`,
    );
  }
  await checkPermissions(files.key);
  const [{ readAuthority }, { authorityOf }] = await Promise.all([
    import("./certificates.ts"),
    import("./authority.ts"),
  ]);
  const key = await readText(files.key);
  const pair = await readAuthority(certificate, key).catch((thrown) => {
    throw new UnderstudyError(
      "bad_config",
      `${files.key}: expected the key of ${files.certificate}, RSA of 2048 bits or more, or EC on P-256, P-384 or P-521: ${messageOf(thrown)}`,
    );
  });
  return authorityOf(pair, facts.keepsReplaced ? await readText(files.replaced) : "", clock);
}

/** Throws `bad_config` where there is no authority, or one whose certificate cannot be read. */
export async function readFacts(folder: string, clock: Pick<Clock, "wall">): Promise<AuthorityFacts> {
  const files = filesOf(folder);
  const text = await readText(files.certificate);
  const certificate = parse(text, files.certificate);
  return {
    certificateFile: files.certificate,
    fingerprint: certificate.fingerprint256,
    subject: certificate.subject.replaceAll("\n", ", "),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    keepsReplaced: await replacedLives(files, clock),
  };
}

/** A leaf of the old authority lives a day at most, and its process may have issued it until it was restarted. */
const replacedForMs = 7 * 86_400_000;

async function replacedLives(
  { replaced }: { replaced: string },
  clock: Pick<Clock, "wall">,
): Promise<boolean> {
  const found = await stat(replaced).catch(() => null);
  return found !== null && clock.wall() - found.mtimeMs < replacedForMs;
}

/** How long the certificate before a rotation stays trusted, for people. */
export const replacedFor = formatDuration(replacedForMs);

async function writePair(
  files: { readonly certificate: string; readonly key: string },
  name: string,
  clock: Pick<Clock, "wall">,
): Promise<void> {
  const [{ newAuthority }, { privateKeyPem }] = await Promise.all([
    import("./certificates.ts"),
    import("./keys.ts"),
  ]);
  const pair = await newAuthority(name, clock.wall());
  // wx: whoever comes second in a race fails instead of replacing the key under the certificate of the first.
  await writeFile(files.key, privateKeyPem(pair.keys), { mode: 0o600, flag: "wx" });
  await chmod(files.key, 0o600); // whatever the umask is
  await writeFile(files.certificate, `${pair.certificate}\n`, { mode: 0o644, flag: "wx" });
}

async function checkPermissions(file: string): Promise<void> {
  const { mode } = await stat(file).catch((thrown) => {
    throw new UnderstudyError(
      "bad_config",
      `${file}: expected the key of the authority: ${messageOf(thrown)}`,
    );
  });
  const rights = mode & 0o777;
  if ((rights & 0o077) === 0) return;
  throw new UnderstudyError(
    "bad_config",
    `${file}: expected permissions 0600, got 0${rights.toString(8)}: others may have read the key; ` +
      "understudy ca rotate makes a new one, chmod 600 keeps this one",
  );
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === "ENOENT"; // what fs throws
    const why = missing
      ? "there is no authority yet: understudy ca init makes one (run needs none: see docs/run.md)"
      : messageOf(thrown);
    throw new UnderstudyError("bad_config", `${file}: ${why}`);
  }
}

function parse(text: string, file: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (thrown) {
    throw new UnderstudyError("bad_config", `${file}: expected a PEM certificate: ${messageOf(thrown)}`);
  }
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => null)) !== null;
}
