// Real sidecars that gossip on loopback: each a process, told apart by name, asked over its admin port.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { askAdmin } from "../../src/commands/admin-line.ts";
import { type MeshAnswer, readMeshAnswer } from "../../src/commands/mesh-answer.ts";
import { type HostPort, parseHostPort } from "../../src/core/address.ts";
import { atEnd } from "./at-end.ts";
import { type Finished, type Running, startUnderstudy, understudy } from "./understudy-process.ts";

export interface MeshSidecar {
  readonly name: string;
  readonly process: Running;
  readonly proxy: HostPort;
  readonly admin: HostPort;
  readonly gossip: string;
  mesh(): Promise<MeshAnswer>;
  /** How it knows the member of that name; "" where it does not. */
  statusOf(name: string): Promise<string>;
  /** Runs `understudy WORDS… --admin` of this one. */
  tell(...words: readonly string[]): Promise<Finished>;
}

export interface MeshFolder {
  readonly path: string;
  /** Writes a file with that mode and gives its path. */
  file(name: string, text: string, mode?: number): string;
}

export function meshFolder(t: TestContext): MeshFolder {
  const path = mkdtempSync(join(tmpdir(), "understudy-mesh-"));
  atEnd(t, () => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    file(name, text, mode = 0o600) {
      const file = join(path, name);
      writeFileSync(file, text, { mode });
      return file;
    },
  };
}

/** Resolves once it serves. Killed with its test. */
export async function startMeshSidecar(
  t: TestContext,
  name: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<MeshSidecar> {
  const words = [
    ...["proxy", "--json", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
    ...["--gossip", "127.0.0.1:0", "--name", name, ...flags],
  ];
  const process = startUnderstudy(words, { env });
  atEnd(t, async () => {
    process.process.kill("SIGKILL");
    await process.finished;
  });
  const [line = ""] = await process.seen("stdout", /^\{.*"msg":"started"\}$/m);
  const started = JSON.parse(line) as { listen: { proxy: string }; admin: string; gossip: string };
  const admin = parseHostPort(new URL(started.admin).host, "admin");
  const mesh = async () => readMeshAnswer(await askAdmin(admin, "GET", "/mesh"));
  return {
    ...{ name, process, admin, mesh, gossip: started.gossip },
    proxy: parseHostPort(started.listen.proxy, "proxy"),
    statusOf: async (other) => (await mesh()).members.find((member) => member.name === other)?.status ?? "",
    tell: (...words) => understudy([...words, "--admin", `${admin.host}:${admin.port}`]),
  };
}
