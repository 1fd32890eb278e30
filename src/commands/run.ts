// `understudy run`: stands beside one command, on its stdio and with its exit code, and leaves nothing behind.

import { isIP } from "node:net";
import { constants } from "node:os";
import { basename } from "node:path";
import type { Config } from "../control/config/load.ts";
import { type HostPort, parseHostPort } from "../core/address.ts";
import type { Authority } from "../core/certificates.ts";
import { systemClock } from "../core/clock.ts";
import { messageOf, UnderstudyError } from "../core/errors.ts";
import { findProgram } from "../proxy/accept/find-program.ts";
import { readHostNetwork } from "../proxy/accept/namespace/host-network.ts";
import { type Namespace, openNamespace } from "../proxy/accept/namespace/namespace.ts";
import { type Publication, parsePublication } from "../proxy/accept/namespace/publish.ts";
import { relayedSignals } from "../proxy/accept/namespace/signal-relay.ts";
import { proxyEnvironmentBlindness } from "../proxy/accept/proxy-environment.ts";
import type { TlsOptions } from "../sidecar/options.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";
import { meshOptionKeys } from "./mesh-setup.ts";
import { createObservers } from "./observers.ts";
import { type CommandLine, readCommandLine, sharedFlagsHelp } from "./options.ts";
import type { Job, Stage } from "./run-stage.ts";
import { openTrustFolder, type TrustFolder } from "./run-trust.ts";
import { authorityName, tlsOptionsOf } from "./tls-setup.ts";
import { namedRoots } from "./trust-bundles.ts";
import { unseenBehindProxy } from "./unseen-behind-proxy.ts";

const help = `Usage: understudy run [FLAGS] [--] CMD [ARGS…]

Runs CMD with every TCP connection that it and its children make passing through
here, whatever they are written in; nothing is configured in them and root is
not needed. CMD runs in a network namespace of its own; its files, stdio,
signals and exit code are as usual.

Flags:
  --publish PORT           let the host reach a port that CMD listens on; also
                           HOSTPORT:PORT or ADDRESS:HOSTPORT:PORT; may be
                           repeated
  --mode namespace|env     env: no namespace, only proxy variables (HTTP_PROXY,
                           …) for CMD; left out: a namespace, or env where the
                           system refuses one
  --nameserver ADDR[:PORT] ask this DNS server instead of the host's; may be
                           repeated

${sharedFlagsHelp}
HTTPS needs nothing: where a rule could claim a call inside, it is opened with
an authority that CMD alone is made to trust (understudy ca show tells about one
of your own).

Calls are lines on stderr, JSON with --json; stdout is CMD's alone. 127.0.0.1
and localhost lead to CMD's own servers first, then to the host's. DNS goes to
the host's name servers; a name that they do not resolve leads to the rule that
answers for it, where there is one.

Not carried: ICMP (ping) and UDP other than DNS (HTTP/3 falls back to TCP);
files, sudo and set-user-id programs see an ordinary user without further
rights. A connection that nobody accepts is reset after it seemed to succeed.
Whatever CMD leaves running ends with it.

Exit code: CMD's; 128+N where signal N ended it; 127 not found; 126 not
executable. Where CMD is not even started: 64 the command line is not
understood, 65 the rules are wrong, 69 the store or the namespace that was asked
for cannot be had, 78 a value is wrong.

Examples:
  understudy run -- npm test
  understudy run --rules mocks.yaml --publish 3000 -- node server.js
`;

export const run: Command = {
  name: "run",
  summary: "Run a command with all of its traffic passing through here",
  help,
  async run(args, shell) {
    const line = await readCommandLine(args, shell, {
      command: "run",
      operands: "command",
      withoutOptions: ["outbound", "inbound", "to", ...meshOptionKeys],
      ownFlags: {
        publish: { type: "string", multiple: true },
        mode: { type: "string" },
        nameserver: { type: "string", multiple: true },
      },
    });
    if (line === "help") {
      shell.stdout.write(help);
      return exitCodes.ok;
    }
    const [name] = line.rest;
    if (name === undefined) {
      throw new UnderstudyError("usage", "run: expected a command, as in understudy run -- npm test");
    }
    const found = findProgram(name, shell.env.PATH, shell.cwd);
    if (found.kind === "missing") {
      shell.stderr.write(`understudy: ${found.reason}\n`);
      return found.exitCode;
    }
    return await perform(readFlags(line), line, shell);
  },
};

interface RunFlags {
  readonly mode: "auto" | "namespace" | "env";
  readonly publications: readonly Publication[];
  /** null: the host's. */
  readonly nameservers: readonly HostPort[] | null;
}

function readFlags({ own }: CommandLine): RunFlags {
  const mode = own.get("mode")?.[0] ?? "auto";
  if (mode !== "auto" && mode !== "namespace" && mode !== "env") {
    throw new UnderstudyError("bad_config", `--mode: expected namespace or env, got ${JSON.stringify(mode)}`);
  }
  const nameservers = own.get("nameserver")?.map(readNameserver);
  return {
    mode,
    publications: (own.get("publish") ?? []).map(parsePublication),
    nameservers: nameservers ?? null,
  };
}

/** Never a name: nobody could be asked for its address. */
function readNameserver(text: string): HostPort {
  const place = parseHostPort(text, "--nameserver", { port: 53 });
  if (isIP(place.host) !== 0 && place.port !== 0) return place;
  const expected = "expected an IP address, with or without a port from 1 to 65535,";
  throw new UnderstudyError("bad_config", `--nameserver: ${expected} got ${JSON.stringify(text)}`);
}

async function perform(flags: RunFlags, line: CommandLine, shell: Shell): Promise<number> {
  const { config } = line;
  const signals = watchSignals(shell);
  const observers = await createObservers(config, besideCommand(config, shell), systemClock);
  const trusting = prepareTrust(config, shell);
  trusting.catch(() => undefined); // told where it is waited for
  let begun = false;
  let unresolved: readonly string[] = [];
  if (hasLostRules(line)) observers.say(lostRulesHint(line));
  try {
    const job = { ...flags, config, command: line.rest, shell, observers };
    const stage = await chooseStage(job, flags.mode, trusting);
    try {
      if (signals.first()) return signalCode(signals.first());
      begun = true;
      const ending = stage.execute();
      signals.pass(stage.signal);
      return exitCodeOf(await ending, shell);
    } finally {
      unresolved = stage.unresolved();
      await stage.close();
    }
  } finally {
    signals.stop();
    await (await trusting.catch(() => null))?.folder?.close();
    await observers.finish(begun, unresolved);
  }
}

/** There are no rules, but the command was given some: it stands before them. Another one of us knows the flag. */
function hasLostRules({ config, rest }: CommandLine): boolean {
  if (hasRules(config) || rest.some((word) => /^understudy(?:\.js)?$/.test(basename(word)))) return false;
  return rest.some((word) => /^--rules(?:=|$)/.test(word));
}

function hasRules({ rules, store }: Config): boolean {
  return rules !== null || store.url !== null;
}

function lostRulesHint({ rest: [name] }: CommandLine): string {
  return `--rules behind ${name} is a flag of ${name}; flags of ours stand before it: run --rules FILE -- ${name} …`;
}

/** Nobody but the command trusts it, and its key ends with this process: nothing to set up, nothing to leak. */
async function passingAuthority(): Promise<Authority> {
  const { passingAuthority: make } = await import("../control/ca/authority.ts");
  return make(authorityName(), systemClock);
}

/** The namespace where it can be had; otherwise proxy variables, and a line that says what is not seen then. */
async function chooseStage(
  job: BareJob,
  mode: RunFlags["mode"],
  trusting: Promise<Trusting>,
): Promise<Stage> {
  if (mode !== "env") {
    // The namespace is made by other processes: meanwhile this one loads the sidecar, and makes an authority.
    const [namespace, { stageInNamespace }] = await Promise.all([
      tryNamespace(job, mode),
      import("./run-in-namespace.ts"),
    ]);
    if (namespace) {
      const unseen = hasRules(job.config) ? unseenBehindProxy(job.shell.env) : null;
      if (unseen) job.observers.say(unseen);
      const ready = trusting.catch(async (thrown) => {
        await namespace.close();
        throw thrown;
      });
      return stageInNamespace(withTrust(job, await ready), namespace);
    }
  }
  if (job.publications.length > 0) {
    job.observers.say("--publish has no meaning without a namespace: the host reaches the ports anyway");
  }
  if (mode === "env" && !job.config.quiet) job.observers.say(`proxy variables: ${proxyEnvironmentBlindness}`);
  return (await import("./run-with-proxy.ts")).stageWithProxy(withTrust(job, await trusting));
}

/** A job before it is known how TLS is opened for it. */
type BareJob = Omit<Job, "tls" | "covers">;

interface Trusting {
  readonly tls: TlsOptions | undefined;
  /** What makes the command trust our authority; null where there is none. */
  readonly folder: TrustFolder | null;
}

async function prepareTrust(config: Config, shell: Shell): Promise<Trusting> {
  const own = await tlsOptionsOf(config, shell, passingAuthority);
  const tls = own && { ...own, extraRoots: [...own.extraRoots, ...(await namedRoots(shell.env))] };
  return {
    tls,
    folder: tls?.authority ? await openTrustFolder(tls.authority.trust, shell.env, shell.cwd) : null,
  };
}

function withTrust(job: BareJob, { tls, folder }: Trusting): Job {
  const { shell } = job;
  const env = { ...shell.env, ...folder?.variables };
  return { ...job, tls, covers: folder?.covers ?? [], shell: { ...shell, env } };
}

async function tryNamespace(job: BareJob, mode: RunFlags["mode"]): Promise<Namespace | null> {
  const { shell } = job;
  try {
    return await openNamespace({
      execPath: shell.execPath,
      path: shell.env.PATH ?? "",
      network: readHostNetwork(),
      clock: systemClock,
      uid: shell.uid,
      gid: shell.gid,
    });
  } catch (thrown) {
    if (mode === "namespace" || !(thrown instanceof UnderstudyError)) throw thrown;
    const why = messageOf(thrown).replaceAll("\n", "; ");
    job.observers.say(`no namespace (${why}), so proxy variables: ${proxyEnvironmentBlindness}`);
    return null;
  }
}

/** The same surroundings with stdout left to the command: JSON lines go to stderr, and lines for people need no terminal. */
function besideCommand(config: Pick<Config, "json">, shell: Shell): Shell {
  const { openLog: _ownStdout, ...rest } = shell;
  return {
    ...rest,
    stdout: shell.stderr,
    stderr: { write: (...said) => shell.stderr.write(...said), isTTY: !config.json },
    env: shell.stderr.isTTY ? shell.env : { ...shell.env, NO_COLOR: "1" },
  };
}

interface Signals {
  /** The first that came before there was somebody to pass it to. */
  first(): NodeJS.Signals | null;
  pass(to: (signal: NodeJS.Signals) => void): void;
  stop(): void;
}

/** From the first moment on, so that a signal during the start ends it instead of being lost. */
function watchSignals(shell: Shell): Signals {
  let first: NodeJS.Signals | null = null;
  let receiver: ((signal: NodeJS.Signals) => void) | null = null;
  const stops = relayedSignals.map((signal) =>
    shell.onSignal(signal, () => {
      if (receiver) receiver(signal);
      else if (signal !== "SIGWINCH") first ??= signal;
    }),
  );
  return {
    first: () => first,
    pass: (to) => {
      receiver = to;
    },
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

function exitCodeOf(ending: Awaited<ReturnType<Stage["execute"]>>, shell: Shell): number {
  switch (ending.kind) {
    case "exited":
      return ending.code;
    case "killed":
      return signalCode(ending.signal);
    case "not-started":
      shell.stderr.write(`understudy: ${ending.reason}\n`);
      return 126;
    default:
      return ending satisfies never;
  }
}

/** As a shell tells it: 128 + the signal's number. */
function signalCode(signal: NodeJS.Signals | null): number {
  return 128 + (signal ? constants.signals[signal] : 0);
}
