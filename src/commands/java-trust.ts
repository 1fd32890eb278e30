// A truststore for Java, which heeds none of the variables that name PEM bundles: the one of the JVM at hand, with ours
// added. Written as JKS, which every JVM reads whatever its default type; nothing is run for it.

import { createHash, X509Certificate } from "node:crypto";
import { readFile, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findProgram } from "../proxy/accept/find-program.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const magic = 0xfeedfeed;
const headerBytes = 12;
const digestBytes = 20;
/** Java's own default; it guards nothing, since certificates are public. */
const password = "changeit";

/**
 * Writes `FOLDER/truststore.jks` and gives the variable that makes JVMs use it; nothing where there is no Java, or
 * where JAVA_TOOL_OPTIONS names a truststore already. `roots`: PEM, for a JVM whose own store is not JKS.
 */
export async function trustInJava(
  folder: string,
  trust: string,
  env: Environment,
  cwd: string,
  roots: () => Promise<string>,
): Promise<Readonly<Record<string, string>>> {
  const before = env.JAVA_TOOL_OPTIONS ?? "";
  if (before.includes("javax.net.ssl.trustStore")) return {};
  const java = findProgram("java", env.JAVA_HOME ? `${env.JAVA_HOME}/bin:${env.PATH}` : env.PATH, cwd);
  if (java.kind !== "found") return {};
  const own = await storeOf(java.file);
  const known = own && own.length > headerBytes + digestBytes && own.readUInt32BE(0) === magic ? own : null;
  const added = known ? certificatesIn(trust) : [...certificatesIn(await roots()), ...certificatesIn(trust)];
  const file = join(folder, "truststore.jks");
  await writeFile(file, jksOf(known, added), { mode: 0o644 });
  const options = [
    before,
    `-Djavax.net.ssl.trustStore=${file}`,
    `-Djavax.net.ssl.trustStorePassword=${password}`,
    "-Djavax.net.ssl.trustStoreType=JKS",
  ];
  return { JAVA_TOOL_OPTIONS: options.join(" ").trim() };
}

/** The JVM's `cacerts`; null where it is not in its usual place. */
async function storeOf(java: string): Promise<Buffer | null> {
  const home = dirname(dirname(await realpath(java)));
  for (const place of ["lib/security/cacerts", "jre/lib/security/cacerts"]) {
    const found = await readFile(join(home, place)).catch(() => null);
    if (found) return found;
  }
  return null;
}

/** DER of each certificate in a PEM text; those that cannot be read are left out, as OpenSSL does. */
function certificatesIn(pem: string): readonly Buffer[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block).raw];
    } catch {
      return [];
    }
  });
}

/**
 * A keystore of the type JKS, version 2: header, entries, and a digest over both (JDK: sun.security.provider.JavaKeyStore).
 * `known`: a whole one whose entries are kept.
 */
export function jksOf(known: Buffer | null, certificates: readonly Buffer[]): Buffer {
  const before = known ? known.readUInt32BE(8) : 0;
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE(magic, 0);
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(before + certificates.length, 8);
  const body = Buffer.concat([
    header,
    ...(known ? [known.subarray(headerBytes, known.length - digestBytes)] : []),
    ...certificates.map((der) => trustedEntry(aliasOf(der), der)),
  ]);
  const secret = Buffer.from(password, "utf16le").swap16();
  const digest = createHash("sha1").update(secret).update("Mighty Aphrodite").update(body).digest();
  return Buffer.concat([body, digest]);
}

/** Unlike that of any other certificate in the store. */
function aliasOf(der: Buffer): string {
  return `understudy-${createHash("sha256").update(der).digest("hex").slice(0, 16)}`;
}

function trustedEntry(alias: string, der: Buffer): Buffer {
  const fixed = Buffer.alloc(12); // tag 2: a trusted certificate; its time of creation is left at 0
  fixed.writeUInt32BE(2, 0);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(der.length, 0);
  return Buffer.concat([fixed.subarray(0, 4), utf(alias), fixed.subarray(4), utf("X.509"), length, der]);
}

/** As DataOutput.writeUTF writes ASCII. */
function utf(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length >> 8, text.length & 0xff), Buffer.from(text, "latin1")]);
}
