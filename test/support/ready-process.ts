// Waits for a process to say that it is ready.

import type { ChildProcess } from "node:child_process";

/** Resolves once `sign` stands in what it says on either stream; rejects with that when it ends before. */
export async function ready(child: ChildProcess, sign: RegExp): Promise<ChildProcess> {
  let text = "";
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (sign.test(text)) resolve();
      });
    }
    child.once("exit", () => reject(new Error(`ended too early: ${text}`)));
  });
  return child;
}
