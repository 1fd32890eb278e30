// The file of the keys of a mesh: base64, the primary first, as a JSON list (Serf's form) or one a line. It is written when
// keys were rotated from afar, so that the next start has the new ones.

import { chmod, readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";

const maxFileBytes = 16_384;

/** At least one key. Rejects with `bad_config`, without repeating what stands there. */
export async function readKeyring(file: string): Promise<readonly Uint8Array[]> {
  const text = await readSecret(file).catch((thrown) => {
    if (thrown instanceof UnderstudyError) throw thrown;
    throw bad(file, `a file that can be read: ${messageOf(thrown)}`);
  });
  const entries = entriesOf(text);
  if (entries === null || entries.length === 0)
    throw bad(file, 'keys in base64, as a JSON list or one a line ("openssl rand -base64 32" makes one)');
  return entries.map((entry, index) => {
    const key = /^[A-Za-z0-9+/]+={0,2}$/.test(entry) ? Buffer.from(entry, "base64") : Buffer.alloc(0);
    if (![16, 24, 32].includes(key.length))
      throw bad(file, `16, 24 or 32 bytes in base64 as key ${index + 1}`);
    return key;
  });
}

/** Replaces the file in one step; only its owner can read it. */
export async function writeKeyring(file: string, keys: readonly Uint8Array[], id: string): Promise<void> {
  const temporary = `${file}.${id}.tmp`;
  const text = JSON.stringify(
    keys.map((key) => Buffer.from(key).toString("base64")),
    null,
    2,
  );
  try {
    await writeFile(temporary, `${text}\n`, { mode: 0o600, flag: "wx" });
    await chmod(temporary, 0o600);
    await rename(temporary, file);
  } catch (thrown) {
    await unlink(temporary).catch(() => undefined);
    throw thrown;
  }
}

async function readSecret(file: string): Promise<string> {
  const { mode, size } = await stat(file);
  if (size > maxFileBytes) throw bad(file, "a file of at most 16 KiB");
  if ((mode & 0o077) !== 0)
    throw bad(
      file,
      `a file that only its owner can read (chmod 600), got mode ${(mode & 0o777).toString(8)}`,
    );
  return readFile(file, "utf8");
}

function entriesOf(text: string): readonly string[] | null {
  if (!text.trimStart().startsWith("["))
    return text
      .split("\n")
      .map((line) => line.replace(/#.*$/, "").trim())
      .filter((line) => line !== "");
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((entry) => typeof entry === "string") ? list : null;
  } catch {
    return null;
  }
}

function bad(file: string, expected: string): UnderstudyError {
  return new UnderstudyError("bad_config", `gossipKey: expected ${expected}, in ${file}`);
}
