// `understudy run` with a namespace around the command: every TCP connection of it arrives here.

import type { Server } from "node:net";
import { formatHostPort } from "../core/address.ts";
import { systemClock } from "../core/clock.ts";
import { systemRandom } from "../core/random.ts";
import { carryDns } from "../proxy/accept/dns-carrier.ts";
import { watchListeningPorts } from "../proxy/accept/namespace/listening-ports.ts";
import { connectOnHost, createLocalhost } from "../proxy/accept/namespace/localhost.ts";
import type { Namespace } from "../proxy/accept/namespace/namespace.ts";
import { bindPublication } from "../proxy/accept/namespace/publish.ts";
import { originalDestination } from "../proxy/accept/original-destination.ts";
import { hostNameservers } from "../proxy/accept/resolv-conf.ts";
import type { ListenerSpec } from "../sidecar.ts";
import { endSidecar, type Job, type Stage, startSidecarFor } from "./run-stage.ts";

/** Takes the namespace over: it is closed with the stage, or when the stage cannot be set. */
export async function stageInNamespace(job: Job, namespace: Namespace): Promise<Stage> {
  const stop = new AbortController();
  const { nameservers } = job;
  const dns = carryDns(namespace.dns, {
    nameservers: nameservers ? () => nameservers : hostNameservers(systemClock),
    clock: systemClock,
    random: systemRandom,
  });
  const letGo = async () => {
    stop.abort();
    dns.close();
    await namespace.close();
  };
  const published = new Set(job.publications.map(({ port }) => port));
  try {
    const listeners = await listenersOf(job, namespace);
    const connectInside = createLocalhost({
      inside: namespace.connectInside,
      host: connectOnHost,
      published,
    });
    const sidecar = await startSidecarFor(job, listeners, connectInside);
    announce(job, sidecar.ruleCount);
    return {
      async execute() {
        const ending = namespace.execute(job.command, definedIn(job.shell.env));
        if (!job.config.quiet) watchPorts(job, namespace, published, stop.signal);
        return await ending;
      },
      signal: namespace.signal,
      async close() {
        await endSidecar(sidecar);
        await letGo();
      },
    };
  } catch (thrown) {
    for (const server of namespace.servers) server.close();
    await letGo();
    throw thrown;
  }
}

async function listenersOf(job: Job, namespace: Namespace): Promise<readonly ListenerSpec[]> {
  const transparent = { kind: "transparent", direction: "outbound", originalDestination } as const;
  const listeners: ListenerSpec[] = namespace.servers.map((server) => ({
    kind: "adopt",
    server,
    mode: transparent,
  }));
  const bound: Server[] = [];
  try {
    for (const publication of job.publications) {
      const to = { host: "127.0.0.1", port: publication.port };
      for (const server of await bindPublication(publication)) {
        bound.push(server);
        // Adopted although it is bound here: what the command dials under the same address is its own server inside.
        listeners.push({ kind: "adopt", server, mode: { kind: "fixed", to, direction: "inbound" } });
      }
    }
  } catch (thrown) {
    for (const server of bound) server.close();
    throw thrown;
  }
  if (job.config.listen)
    listeners.push({ kind: "bind", address: job.config.listen, mode: { kind: "proxy" } });
  return listeners;
}

function announce(job: Job, rules: number): void {
  if (job.config.quiet) return;
  const places = job.publications.map(({ on, port }) => {
    const [first] = on;
    return first ? `, port ${port} on ${formatHostPort(first)}` : "";
  });
  const loaded = rules === 1 ? "1 rule" : rules === 0 ? "no rules: everything is relayed" : `${rules} rules`;
  job.observers.say(`around ${job.command[0]}${places.join("")}, ${loaded}`);
}

function watchPorts(
  job: Job,
  namespace: Namespace,
  published: ReadonlySet<number>,
  signal: AbortSignal,
): void {
  watchListeningPorts(namespace.pid, { clock: systemClock, signal }, (port) => {
    if (published.has(port)) return;
    job.observers.say(`the command listens on port ${port}; for the host to reach it: --publish ${port}`);
  });
}

function definedIn(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
