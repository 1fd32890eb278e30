// What makes a command trust our authority besides everything that it trusts anyway: certificate bundles in a folder of
// their own, the variables that name them, and what they are shown in place of. The folder goes with this process, however
// it ends.

import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, UnderstudyError } from "../core/errors.ts";
import type { Cover } from "../proxy/accept/namespace/messages.ts";
import { trustInBrowsers } from "./browser-trust.ts";
import { trustInJava } from "./java-trust.ts";
import { bundleAt, readOr, writeBundles } from "./trust-bundles.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface TrustFolder {
  /** To be set for the command. */
  readonly variables: Readonly<Record<string, string>>;
  /** To be shown to the command in place of what is there, where it has a view of its own of the files. */
  readonly covers: readonly Cover[];
  /** Removes the folder. */
  close(): Promise<void>;
}

/** `trust`: PEM of what is to be trusted in addition. Throws `bad_config` where temporary files cannot be written. */
export async function openTrustFolder(trust: string, env: Environment, cwd: string): Promise<TrustFolder> {
  const parent = tmpdir();
  const folder = await mkdtemp(join(parent, "understudy-trust-")).catch((thrown) => {
    throw noPlace(parent, thrown);
  });
  const broom = sweepAfterUs(folder);
  try {
    await chmod(folder, 0o755); // nothing secret: a command that gives up its rights goes on trusting
    const bundles = await writeBundles(folder, trust, env);
    return {
      variables: {
        ...bundles.variables,
        ...(await writeExtra(folder, trust, env)),
        ...(await trustInJava(folder, trust, env, cwd, () => bundleAt(""))),
      },
      covers: [...bundles.covers, ...(await trustInBrowsers(folder, trust, env, cwd))],
      async close() {
        await rm(folder, { recursive: true, force: true });
        broom.end();
      },
    };
  } catch (thrown) {
    broom.end();
    throw fullCodes.has(codeOf(thrown)) ? noPlace(parent, thrown) : thrown;
  }
}

/** What a full disk answers. */
const fullCodes: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}

function noPlace(folder: string, cause: unknown): UnderstudyError {
  const expected = "expected a folder for the certificates that the command is to trust";
  const got = `got ${JSON.stringify(folder)} (${codeOf(cause) || messageOf(cause)})`;
  return new UnderstudyError("bad_config", `TMPDIR: ${expected}, ${got}`, { cause });
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
