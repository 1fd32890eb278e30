// The command line of the commands that ask a running sidecar, and how it is asked: over its admin port.

import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { formatHostPort, type HostPort, parseHostPort } from "../core/address.ts";
import { messageOf, UnderstudyError } from "../core/errors.ts";
import type { Shell } from "./command.ts";
import { parseFlags } from "./flags.ts";

const http: typeof import("node:http") = createRequire(import.meta.url)("node:http");

export interface AdminLine {
  readonly admin: HostPort;
  readonly json: boolean;
  readonly help: boolean;
}

const usualAdmin = { host: "127.0.0.1", port: 15_090 };
const answerMs = 5_000;
const maxAnswerBytes = 64 * 1_024 * 1_024;

/** Throws `usage`, `bad_config`. */
export function readAdminLine(args: readonly string[], shell: Shell, command: string): AdminLine {
  const options = {
    admin: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  } as const;
  const { values } = parseFlags(args, { command, options, operands: null });
  return { admin: adminOf(values.admin, shell), json: values.json, help: values.help };
}

/** The admin port that is named, or that UNDERSTUDY_ADMIN names, or the usual one. */
export function adminOf(flag: string | undefined, { env }: Pick<Shell, "env">): HostPort {
  if (flag !== undefined) return parseHostPort(flag, "--admin", { host: "127.0.0.1" });
  const variable = env.UNDERSTUDY_ADMIN;
  if (!variable || variable === "off") return usualAdmin;
  const found = parseHostPort(variable, "UNDERSTUDY_ADMIN", { host: "127.0.0.1" });
  // What a sidecar listens on is not always where it is reached.
  return found.host === "::" || found.host === "0.0.0.0" ? { host: "127.0.0.1", port: found.port } : found;
}

/** The JSON of the answer. Rejects with `not_found` where nobody answers, or says that there is no such thing. */
export async function askAdmin(
  admin: HostPort,
  method: "GET" | "POST",
  path: string,
  signal?: AbortSignal,
): Promise<unknown> {
  const place = `${formatHostPort(admin)}${path.replace(/\?.*/, "")}`;
  const timeout = AbortSignal.timeout(answerMs);
  const { status, text } = await send(
    admin,
    method,
    path,
    signal ? AbortSignal.any([signal, timeout]) : timeout,
  ).catch((cause) => {
    throw new UnderstudyError(
      "not_found",
      `--admin: expected a sidecar at ${formatHostPort(admin)}, got ${timeout.aborted ? "no answer" : messageOf(cause)}`,
      { cause },
    );
  });
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new UnderstudyError("not_found", `--admin: expected a sidecar at ${place}, got something else`);
  }
  if (status === 200) return answer;
  const error = typeof answer === "object" && answer !== null && "error" in answer ? answer.error : status;
  throw new UnderstudyError("not_found", `${place}: ${error}`);
}

async function send(
  { host, port }: HostPort,
  method: string,
  path: string,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    http.request({ host, port, method, path, signal, agent: false }, resolve).once("error", reject).end();
  });
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > maxAnswerBytes) throw new Error("an endless answer");
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") };
}

export const adminFlagsHelp = `  --admin ADDR:PORT        the admin port of a sidecar, 127.0.0.1:15090 (or
                           UNDERSTUDY_ADMIN)
  --json                   JSON instead of text
  -h, --help               this text
`;
