// `understudy run` with a namespace around the command: every TCP connection of it arrives here.

import type { Server, Socket } from "node:net";
import { basename } from "node:path";
import { formatHostPort } from "../core/address.ts";
import { systemClock } from "../core/clock.ts";
import { noDebug } from "../core/debug.ts";
import { systemRandom } from "../core/random.ts";
import { carryDns, type DnsCarrier } from "../proxy/accept/dns-carrier.ts";
import { watchListeningPorts } from "../proxy/accept/namespace/listening-ports.ts";
import { connectOnHost, createLocalhost } from "../proxy/accept/namespace/localhost.ts";
import type { Namespace } from "../proxy/accept/namespace/namespace.ts";
import { bindPublication } from "../proxy/accept/namespace/publish.ts";
import { originalDestination } from "../proxy/accept/original-destination.ts";
import { hostResolvConf } from "../proxy/accept/resolv-conf.ts";
import { createStandInAddresses, type StandInAddresses } from "../proxy/accept/stand-in-addresses.ts";
import { createStandIn } from "../proxy/accept/stand-in-names.ts";
import { createUnresolvedNames, type UnresolvedNames } from "../proxy/accept/unresolved-names.ts";
import type { ListenerSpec, Sidecar } from "../sidecar/sidecar.ts";
import { endSidecar, type Job, type Stage, startSidecarFor } from "./run-stage.ts";
import { wayOutOf } from "./way-out.ts";

/** Takes the namespace over: it is closed with the stage, or when the stage cannot be set. */
export async function stageInNamespace(job: Job, namespace: Namespace): Promise<Stage> {
  const stop = new AbortController();
  const addresses = createStandInAddresses();
  let sidecar: Sidecar | null = null;
  const { dns, unresolved } = carryNames(
    job,
    namespace,
    addresses,
    (name) => sidecar?.answersHost(name) ?? false,
  );
  const letGo = async () => {
    stop.abort();
    dns.close();
    await namespace.close();
  };
  const published = new Set(job.publications.map(({ port }) => port));
  let publishedAs: readonly Published[] = [];
  try {
    publishedAs = await bindPublications(job);
    const listeners = listenersOf(job, namespace, publishedAs, addresses);
    const connectInside = createLocalhost({
      inside: namespace.connectInside,
      host: connectOnHost,
      published,
    });
    const started = await startSidecarFor(job, listeners, { connectInside, wayOut: wayOutOf(job.config) });
    sidecar = started;
    announce(job, publishedAs, started.ruleCount);
    return {
      async execute() {
        const ending = namespace.execute(job.command, definedIn(job.shell.env), job.covers);
        if (!job.config.quiet) watchPorts(job, namespace, published, stop.signal);
        return await ending;
      },
      signal: namespace.signal,
      unresolved: unresolved.list,
      async close() {
        await endSidecar(started);
        await letGo();
      },
    };
  } catch (thrown) {
    for (const server of [...namespace.servers, ...publishedAs.map(({ server }) => server)]) server.close();
    await letGo();
    throw thrown;
  }
}

/** The names of the command: resolved by the host, or stood in for where a rule could answer. */
function carryNames(
  { nameservers, observers }: Job,
  namespace: Namespace,
  addresses: StandInAddresses,
  answersHost: (name: string) => boolean,
): { readonly dns: DnsCarrier; readonly unresolved: UnresolvedNames } {
  const resolvConf = hostResolvConf(systemClock);
  const debug = (observers.debugging.debug ?? noDebug)("accept");
  const unresolved = createUnresolvedNames(() => resolvConf().search);
  const dns = carryDns(namespace.dns, {
    nameservers: () => nameservers ?? resolvConf().nameservers,
    clock: systemClock,
    random: systemRandom,
    standIn: createStandIn({ answersHost, addresses, resolvConf, debug }),
    unresolved,
  });
  return { dns, unresolved };
}

/** A server on the host, with the port inside that it leads to. */
interface Published {
  readonly server: Server;
  readonly port: number;
}

async function bindPublications(job: Job): Promise<readonly Published[]> {
  const bound: Published[] = [];
  try {
    for (const publication of job.publications) {
      for (const server of await bindPublication(publication)) bound.push({ server, port: publication.port });
    }
  } catch (thrown) {
    for (const { server } of bound) server.close();
    throw thrown;
  }
  return bound;
}

function listenersOf(
  job: Job,
  namespace: Namespace,
  published: readonly Published[],
  addresses: StandInAddresses,
): readonly ListenerSpec[] {
  const transparent = {
    kind: "transparent",
    direction: "outbound",
    originalDestination(socket: Socket) {
      const dialled = originalDestination(socket);
      return dialled && addresses.destinationOf(dialled);
    },
  } as const;
  const { listen } = job.config;
  return [
    ...namespace.servers.map((server) => ({ kind: "adopt", server, mode: transparent }) as const),
    // Adopted although they are bound here: what the command dials under the same address is its own server inside.
    ...published.map(({ server, port }) => {
      const mode = { kind: "fixed", to: { host: "127.0.0.1", port }, direction: "inbound" } as const;
      return { kind: "adopt", server, mode } as const;
    }),
    ...(listen ? [{ kind: "bind", address: listen, mode: { kind: "proxy" } } as const] : []),
  ];
}

function announce(job: Job, published: readonly Published[], rules: number): void {
  if (job.config.quiet) return;
  const places = published.flatMap(({ server, port }, at) => {
    const address = server.address();
    // The second family of one publication goes without saying.
    if (address === null || typeof address === "string" || published[at - 1]?.port === port) return [];
    return [`, port ${port} on ${formatHostPort({ host: address.address, port: address.port })}`];
  });
  const loaded = rules === 1 ? "1 rule" : rules === 0 ? "no rules: everything is relayed" : `${rules} rules`;
  job.observers.say(`standing beside ${basename(job.command[0] ?? "")}${places.join("")}, ${loaded}`);
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
