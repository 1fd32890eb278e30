// `understudy sidecar`: transparent interception of a host or pod, fed by the redirection of `understudy redirect`.

import { existsSync } from "node:fs";
import type { Config } from "../control/config/load.ts";
import type { HostPort } from "../core/address.ts";
import type { Direction } from "../core/connection.ts";
import { originalDestination } from "../proxy/accept/original-destination.ts";
import type { ListenerSpec } from "../sidecar/sidecar.ts";
import { type Command, exitCodes } from "./command.ts";
import { meshFlagsHelp } from "./mesh-setup.ts";
import { readCommandLine, sharedFlagsHelp } from "./options.ts";
import { type Serving, serve } from "./serve.ts";

const help = `Usage: understudy sidecar [--outbound ADDR:PORT] [--inbound ADDR:PORT] [FLAGS]

Takes the TCP connections of a whole host or pod, as the kernel redirects them:

  understudy redirect up       as root: send the connections of this network
                               namespace here
  understudy redirect down     as root: and no longer

Run the sidecar as a user of its own, whose connections the redirection leaves
alone.

Flags:
  --outbound ADDR:PORT     where redirected calls of the service arrive,
                           [::]:15001
  --inbound ADDR:PORT      where redirected calls to the service arrive,
                           [::]:15006

${sharedFlagsHelp}
${meshFlagsHelp}
Admin is on 127.0.0.1:15090 unless told otherwise; --admin [::]:15090 lets
probes and Prometheus in from outside. --listen adds an explicit proxy. At a
terminal each call is a line on stderr; elsewhere, or with --json, it is a JSON
line on stdout.

A sidecar never stands in the way: with rules that are wrong at the start it
relays everything, logs what is wrong, and /readyz says 503 until they are
mended.

SIGTERM, SIGINT or SIGHUP: finishes open calls, then ends; a second one ends it
at once.

Exit code: 0 ended by a signal, 64 the command line is not understood, 69 the
store does not answer (--store-required), 78 a value is wrong, or an address is
taken.
`;

export const sidecar: Command = {
  name: "sidecar",
  summary: "Intercept the redirected traffic of a host or pod",
  help,
  async run(args, shell) {
    const line = await readCommandLine(args, shell, {
      command: "sidecar",
      operands: "none",
      withoutOptions: ["to"],
      defaults: { admin: { host: "127.0.0.1", port: 15_090 } },
    });
    if (line === "help") {
      shell.stdout.write(help);
      return exitCodes.ok;
    }
    const { config } = line;
    return serve(
      { mode: "sidecar", config, listeners: listenersOf(config), whenRulesAreBad: "relay" },
      shell,
    );
  },
};

function listenersOf(config: Config): Serving["listeners"] {
  return [
    { name: "outbound", spec: transparent(config.outbound, "outbound") },
    { name: "inbound", spec: transparent(config.inbound, "inbound") },
    ...(config.listen
      ? [
          {
            name: "proxy",
            spec: { kind: "bind", address: config.listen, mode: { kind: "proxy" } } as const,
          },
        ]
      : []),
  ];
}

function transparent(address: HostPort, direction: Direction): ListenerSpec {
  // A kernel without IPv6 has no address "::", which is the default since it takes both kinds.
  const host = address.host === "::" && !existsSync("/proc/net/if_inet6") ? "0.0.0.0" : address.host;
  const mode = { kind: "transparent", direction, originalDestination } as const;
  return { kind: "bind", address: { host, port: address.port }, mode };
}
