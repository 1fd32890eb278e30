// `understudy rules explain` run in a folder, with what it printed.

import type { Shell } from "../../src/commands/command.ts";
import { rulesExplain } from "../../src/commands/rules-explain.ts";

export interface Explained {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function explainIn(folder: string, args: readonly string[]): Promise<Explained> {
  const printed: Record<"out" | "err", string[]> = { out: [], err: [] };
  const shell: Shell = {
    env: {},
    cwd: folder,
    stdout: { write: (text) => void printed.out.push(text), isTTY: false },
    stderr: { write: (text) => void printed.err.push(text), isTTY: false },
    uid: 1000,
    gid: 1000,
    pid: 1,
    execPath: "",
    onSignal: () => () => {},
  };
  const code = await rulesExplain.run(args, shell);
  return { code, out: printed.out.join(""), err: printed.err.join("") };
}
