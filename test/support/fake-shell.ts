// A shell whose output is kept and whose signals are sent by the test.

import type { Shell } from "../../src/commands/command.ts";

export interface FakeShell extends Shell {
  /** What was written so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** As if the process had got it. */
  send(signal: NodeJS.Signals): void;
  /** Handlers that are still listening. */
  readonly listening: () => number;
  /** Resolves once the text matches. */
  seen(stream: "out" | "err", pattern: RegExp): Promise<RegExpMatchArray>;
}

export function fakeShell(
  options: { env?: Record<string, string>; cwd?: string; tty?: boolean } = {},
): FakeShell {
  const texts = { out: "", err: "" };
  const waiting = new Set<() => void>();
  const handlers = new Set<readonly [NodeJS.Signals, () => void]>();
  const sink = (stream: "out" | "err") => ({
    isTTY: options.tty === true,
    write(text: string) {
      texts[stream] += text;
      for (const look of waiting) look();
    },
  });
  return {
    env: options.env ?? {},
    cwd: options.cwd ?? "/",
    stdout: sink("out"),
    stderr: sink("err"),
    uid: 1_000,
    gid: 1_000,
    pid: 4_711,
    execPath: "/usr/bin/node",
    onSignal(signal, handler) {
      const entry = [signal, handler] as const;
      handlers.add(entry);
      return () => void handlers.delete(entry);
    },
    out: () => texts.out,
    err: () => texts.err,
    send(signal) {
      for (const [name, handler] of handlers) if (name === signal) handler();
    },
    listening: () => handlers.size,
    seen: (stream, pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const found = texts[stream].match(pattern);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}
