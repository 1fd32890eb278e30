// `understudy proxy`: an explicit HTTP proxy, or a fixed upstream with --to.

import { UnderstudyError } from "../core/errors.ts";
import type { ListenerMode } from "../sidecar/sidecar.ts";
import { type Command, exitCodes } from "./command.ts";
import { meshFlagsHelp } from "./mesh-setup.ts";
import { readCommandLine, sharedFlagsHelp } from "./options.ts";
import { serve } from "./serve.ts";

const help = `Usage: understudy proxy [--to HOST:PORT] [FLAGS]

An explicit HTTP proxy: clients that are told of it (HTTP_PROXY, curl --proxy)
send their calls through it; HTTPS goes through as a tunnel (CONNECT), unread
but where a rule concerns its host and you have an authority (understudy ca
init). With --to, every connection is relayed to one upstream instead, and
clients need to know of no proxy.

Flags:
  --to HOST:PORT           relay every connection there

${sharedFlagsHelp}
${meshFlagsHelp}
Listens on 127.0.0.1:15080, admin on 127.0.0.1:15090, unless told otherwise. At
a terminal each call is a line on stderr; elsewhere, or with --json, it is a
JSON line on stdout.

Rules that are wrong at the start end it with exit code 65; later the last good
ones stay. A --store that does not answer at the start holds nothing up: calls
are relayed, and /readyz says 503 until the rules are there; --store-required
refuses to start instead.

SIGTERM, SIGINT or SIGHUP: finishes open calls, then ends; a second one ends it
at once.

Exit code: 0 ended by a signal, 64 the command line is not understood, 65 the
rules are wrong at the start, 69 the store does not answer (--store-required),
78 a value is wrong, or an address is taken.

Examples:
  understudy proxy --rules mocks.yaml
  http_proxy=http://127.0.0.1:15080 curl http://payments.shop/v1/charges
  understudy proxy --listen :8080 --to api.shop:80 --rules mocks.yaml
`;

export const proxy: Command = {
  name: "proxy",
  summary: "Be an explicit HTTP proxy, or stand before one upstream",
  help,
  async run(args, shell) {
    const line = await readCommandLine(args, shell, {
      command: "proxy",
      operands: "none",
      withoutOptions: ["outbound", "inbound"],
      defaults: {
        listen: { host: "127.0.0.1", port: 15_080 },
        admin: { host: "127.0.0.1", port: 15_090 },
      },
    });
    if (line === "help") {
      shell.stdout.write(help);
      return exitCodes.ok;
    }
    const { config } = line;
    if (!config.listen) {
      throw new UnderstudyError(
        "bad_config",
        "listen: expected an address, since a proxy must listen, got off",
      );
    }
    const mode: ListenerMode = config.to
      ? { kind: "fixed", to: config.to, direction: "outbound" }
      : { kind: "proxy" };
    const spec = { kind: "bind", address: config.listen, mode } as const;
    return serve(
      { mode: "proxy", config, listeners: [{ name: "proxy", spec }], whenRulesAreBad: "refuse" },
      shell,
    );
  },
};
