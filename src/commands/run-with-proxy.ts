// `understudy run` without a namespace: the command is told of an explicit proxy, and may heed it or not.

import { type ChildProcess, spawn } from "node:child_process";
import { UnderstudyError } from "../core/errors.ts";
import type { Ending } from "../proxy/accept/namespace/namespace.ts";
import { proxyEnvironment } from "../proxy/accept/proxy-environment.ts";
import { endSidecar, type Job, type Stage, startSidecarFor } from "./run-stage.ts";
import { wayOutIn, wayOutOf } from "./way-out.ts";

/** A terminal sends these to the whole foreground group: the command has had its own copy. */
const terminalSignals: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT", "SIGWINCH"];

export async function stageWithProxy(job: Job): Promise<Stage> {
  const address = job.config.listen ?? { host: "127.0.0.1", port: 0 };
  const configured = wayOutOf(job.config);
  const { wayOut, line } = configured ? { wayOut: configured, line: null } : wayOutIn(job.shell.env);
  if (line && !job.config.quiet) job.observers.say(line);
  const sidecar = await startSidecarFor(job, [{ kind: "bind", address, mode: { kind: "proxy" } }], {
    wayOut,
  });
  const [listening] = sidecar.addresses;
  if (!listening) throw new UnderstudyError("bad_config", "listen: the proxy has no address");
  const hasTerminal = job.shell.stderr.isTTY || job.shell.stdout.isTTY;
  let child: ChildProcess | null = null;
  return {
    execute() {
      const [file = "", ...args] = job.command;
      child = spawn(file, args, {
        stdio: "inherit",
        env: proxyEnvironment(job.shell.env, listening),
      });
      return endingOf(child);
    },
    signal(signal) {
      if (!(hasTerminal && terminalSignals.includes(signal))) child?.kill(signal);
    },
    unresolved: () => [],
    close: () => endSidecar(sidecar),
  };
}

function endingOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ kind: "not-started", reason: error.message }));
    child.once("exit", (code, signal) =>
      resolve(signal ? { kind: "killed", signal } : { kind: "exited", code: code ?? 0 }),
    );
  });
}
