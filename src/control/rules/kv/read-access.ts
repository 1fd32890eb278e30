// How a store is spoken to: certificates, user and secrets. Secrets come from the environment or a file, are read anew for
// each connection so that they can be exchanged while we run, and appear in no message.

import { readFile } from "node:fs/promises";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { Secret, StoreAccess } from "../../../core/store-access.ts";

/** Everything read. */
export interface OpenAccess {
  readonly token: string | null;
  readonly user: string | null;
  readonly password: string | null;
  readonly ca: Buffer | null;
  readonly cert: Buffer | null;
  readonly key: Buffer | null;
}

/** Rejects with `store_unavailable`, naming the file that cannot be read. */
export async function readAccess(access: StoreAccess): Promise<OpenAccess> {
  const [token, password, ca, cert, key] = await Promise.all([
    secretOf(access.token),
    secretOf(access.password),
    fileOf(access.ca),
    fileOf(access.cert),
    fileOf(access.key),
  ]);
  return { token, user: access.user, password, ca, cert, key };
}

async function secretOf(secret: Secret | null): Promise<string | null> {
  if (secret === null) return null;
  if (secret.from === "text") return secret.text;
  const text = (await fileOf(secret.file))?.toString("utf8") ?? "";
  return text.trim();
}

async function fileOf(path: string | null): Promise<Buffer | null> {
  if (path === null) return null;
  try {
    return await readFile(path);
  } catch (thrown) {
    throw new UnderstudyError(
      "store_unavailable",
      `${path}: expected a file that can be read: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
}
