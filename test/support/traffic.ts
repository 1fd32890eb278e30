// Calls that go through a sidecar in a network of its own for as long as a test lasts, and a way to ask something there.

import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Network } from "./networks.ts";

const program = fileURLToPath(new URL("./traffic-inside.ts", import.meta.url));

export interface InsideQuestion {
  readonly id: number;
  readonly method: string;
  readonly url: string;
}

/** A line from inside: an answer that is other than the path's last one, one to a question, or the end. */
export type InsideAnswer =
  | { readonly path: string; readonly body: string; readonly atMs: number }
  | { readonly id: number; readonly status: number; readonly body: string }
  | { readonly calls: number; readonly lost: readonly string[] };

export interface Traffic {
  /** The answers, each as often as it came anew. */
  bodies(path?: string): readonly string[];
  /** When the last new answer came, in milliseconds since the Unix epoch. */
  lastAtMs(): number;
  /** A request from inside, within a minute; status 0 where nobody answers, with the reason as its body. */
  ask(method: string, url: string): Promise<{ readonly status: number; readonly body: string }>;
  /** How many calls were answered, and what became of the others. */
  end(): Promise<{ readonly calls: number; readonly lost: readonly string[] }>;
}

/** `ports`: on loopback in there, where the upstream shall listen and where the sidecar does. */
export function startTraffic(
  inside: Network,
  ports: { readonly upstream: number; readonly sidecar: number },
  paths: readonly string[] = ["/"],
): Traffic {
  const words = [process.execPath, program, String(ports.upstream), String(ports.sidecar), ...paths];
  const child = inside.start(...words);
  const heard: { readonly path: string; readonly body: string; readonly atMs: number }[] = [];
  const asked = new Map<number, (answer: { status: number; body: string }) => void>();
  const ended = Promise.withResolvers<{ calls: number; lost: readonly string[] }>();
  child.stderr?.resume();
  if (child.stdout)
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told = JSON.parse(line) as InsideAnswer;
      if ("id" in told) {
        asked.get(told.id)?.(told);
        asked.delete(told.id);
      } else if ("path" in told) heard.push(told);
      else ended.resolve(told);
    });
  child.once("exit", () => {
    ended.resolve({ calls: 0, lost: ["the traffic has ended by itself"] });
    for (const resolve of asked.values()) resolve({ status: 0, body: "the traffic has ended" });
  });
  let ids = 0;
  return {
    bodies: (path = "/") => heard.filter((one) => one.path === path).map(({ body }) => body),
    lastAtMs: () => heard.at(-1)?.atMs ?? 0,
    ask(method, url) {
      const id = ++ids;
      const answer = new Promise<{ status: number; body: string }>((resolve) => asked.set(id, resolve));
      child.stdin?.write(`${JSON.stringify({ id, method, url } satisfies InsideQuestion)}\n`);
      return answer;
    },
    end() {
      child.stdin?.end();
      return ended.promise;
    },
  };
}
