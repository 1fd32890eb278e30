// Installs, removes and reads the redirection, through nft. Says what is missing when it cannot.

import { spawn } from "node:child_process";
import { UnderstudyError } from "../../../core/errors.ts";
import { carryProgram, type RedirectPlan, redirectProgram, removeProgram, tableName } from "./program.ts";

const deadlineMs = 10_000;
const maxOutputBytes = 1_048_576;

/** How nft is called; the shape that tests stand in for. */
export interface NftResult {
  /** null: nft is not installed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
export type Nft = (args: readonly string[], input: string) => Promise<NftResult>;

/** Installs the plan in this network namespace, in place of an earlier one. Throws `redirect_failed`. */
export async function installRedirect(plan: RedirectPlan, nft: Nft): Promise<void> {
  expectSuccess(await nft(["-f", "-"], redirectProgram(plan)), "install");
}

/** Redirects nothing new from here on, and carries on what is open at these ports. Throws `redirect_failed`. */
export async function carryOn(ports: readonly number[], nft: Nft): Promise<void> {
  expectSuccess(await nft(["-f", "-"], carryProgram(ports)), "remove");
}

/** Removes it; no error where there is none. Throws `redirect_failed`. */
export async function removeRedirect(nft: Nft): Promise<void> {
  expectSuccess(await nft(["-f", "-"], removeProgram()), "remove");
}

/** The program in force as the kernel tells it, with its counters; null where there is none. Throws `redirect_failed`. */
export async function readRedirect(nft: Nft): Promise<string | null> {
  const result = await nft(["list", "table", "inet", tableName], "");
  if (result.code === 1 && /No such file or directory/.test(result.stderr)) return null;
  expectSuccess(result, "read");
  return result.stdout;
}

function expectSuccess({ code, stderr }: NftResult, deed: "install" | "remove" | "read"): void {
  if (code === 0) return;
  throw new UnderstudyError("redirect_failed", `cannot ${deed} the redirection: ${explain(code, stderr)}`);
}

function explain(code: number | null, stderr: string): string {
  if (code === null) return "nft is not installed (package nftables)";
  if (/not permitted|must be root|Permission denied/i.test(stderr)) {
    return "it needs root, or CAP_NET_ADMIN in this network namespace";
  }
  return stderr.trim() || `nft ended with code ${code}`;
}

/** Calls the real nft. `path`: the user's PATH; administrators' folders are searched behind it. */
export function systemNft(path: string): Nft {
  return (args, input) =>
    new Promise((resolve, reject) => {
      const child = spawn("nft", [...args], {
        env: { PATH: `${path}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin`, LC_ALL: "C" },
        stdio: ["pipe", "pipe", "pipe"],
        timeout: deadlineMs,
      });
      const text = { stdout: "", stderr: "" };
      for (const name of ["stdout", "stderr"] as const) {
        child[name].setEncoding("utf8").on("data", (chunk: string) => {
          if (text[name].length < maxOutputBytes) text[name] += chunk;
        });
      }
      child.once("error", (error: NodeJS.ErrnoException) =>
        error.code === "ENOENT" ? resolve({ code: null, ...text }) : reject(error),
      );
      child.once("close", (code) => resolve({ code: code ?? -1, ...text }));
      child.stdin.on("error", () => undefined); // it refused before it had read everything
      child.stdin.end(input);
    });
}
