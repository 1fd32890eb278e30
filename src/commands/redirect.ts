// `understudy redirect up|down|show`: the packet redirection that feeds `understudy sidecar`.

import { readFileSync } from "node:fs";
import { parseHostPort } from "../core/address.ts";
import { UnderstudyError } from "../core/errors.ts";
import { usualGossipPort } from "../core/join-target.ts";
import {
  installRedirect,
  type Nft,
  readRedirect,
  removeRedirect,
  systemNft,
} from "../proxy/accept/redirect/apply.ts";
import {
  type PortRange,
  parseCidrs,
  parsePorts,
  type RedirectPlan,
  redirectProgram,
  removeProgram,
} from "../proxy/accept/redirect/program.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";
import { parseFlags } from "./flags.ts";

const help = `Usage: understudy redirect up --uid USER [FLAGS]
       understudy redirect down
       understudy redirect show

Sends the TCP connections of this network namespace (a host, a pod) to
understudy sidecar, IPv4 and IPv6, by an nftables table of its own named
understudy. Needs root. up replaces an earlier redirection in one step; down is
no error where there is none.

Flags of up:
  --uid USER               the user that the sidecar runs as, by number or name;
                           needed, since redirecting its own connections would
                           be a loop
  --outbound-port PORT|off where the sidecar takes calls of the service [15001]
  --inbound-port PORT|off  where the sidecar takes calls to the service [15006]
  --include-ports LIST     redirect outbound calls to these ports alone:
                           80,443,8000-8999
  --exclude-ports LIST     leave outbound calls to these ports alone
  --include-inbound-ports LIST, --exclude-inbound-ports LIST
                           the same for calls to the service; SSH and the admin
                           port of the sidecar (15090) are left alone unless
                           they are included
  --gossip-port PORT|off   where the sidecar gossips [7946, or that of
                           UNDERSTUDY_GOSSIP]: left alone in any case
  --include-cidrs LIST     redirect calls to these networks alone:
                           10.0.0.0/8,fd00::/8
  --exclude-cidrs LIST     leave calls to these networks alone
  --mark NUMBER            leave connections with this SO_MARK alone

Flags of all:
  --dry-run                print the program instead of running it (up, down,
                           show)
  --json                   the answer as JSON
  -h, --help               this text

Loopback is left alone. show prints the program in force with its counters; its
exit code is 1 where none is. Other exit codes: 64 usage, 77 no right to do it,
78 a wrong value.

Examples:
  understudy redirect up --uid 1337 --exclude-ports 5432
  understudy redirect up --uid 1337 --dry-run
`;

const flags = {
  uid: { type: "string" },
  "outbound-port": { type: "string", default: "15001" },
  "inbound-port": { type: "string", default: "15006" },
  "include-ports": { type: "string", default: "" },
  "exclude-ports": { type: "string", default: "" },
  "include-inbound-ports": { type: "string", default: "" },
  "exclude-inbound-ports": { type: "string" },
  "gossip-port": { type: "string" },
  "include-cidrs": { type: "string", default: "" },
  "exclude-cidrs": { type: "string", default: "" },
  mark: { type: "string" },
  "dry-run": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

const line = { command: "redirect", options: flags, operands: "up, down or show" } as const;

// Nobody may lock themselves out, and probes must reach the sidecar whatever the service does.
const usuallyExcluded = "22,15090";

export const redirect: Command = {
  name: "redirect",
  summary: "Install, remove or show the redirection that feeds the sidecar",
  help,
  run: (args, shell) => runRedirect(args, shell, systemNft(shell.env.PATH ?? "")),
};

/** The command with nft as a dependency. */
export async function runRedirect(args: readonly string[], shell: Shell, nft: Nft): Promise<number> {
  const { values, positionals } = parseFlags(args, line);
  if (values.help) {
    shell.stdout.write(help);
    return exitCodes.ok;
  }
  const [action, ...more] = positionals;
  if (more.length > 0 || (action !== "up" && action !== "down" && action !== "show")) {
    const got = positionals.length === 0 ? "nothing" : JSON.stringify(positionals.join(" "));
    throw new UnderstudyError("usage", `redirect: expected up, down or show, got ${got}`);
  }
  const tell = ({ text, ...answer }: Answer) =>
    shell.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : text);
  if (values["dry-run"]) {
    const program = action === "down" ? removeProgram() : redirectProgram(planOf(values, shell));
    tell({ action, dryRun: true, program, text: program });
    return exitCodes.ok;
  }
  switch (action) {
    case "up": {
      const plan = planOf(values, shell);
      await installRedirect(plan, nft);
      tell({ action, installed: true, program: redirectProgram(plan), text: "redirection installed\n" });
      return exitCodes.ok;
    }
    case "down":
      tell({ action, installed: false, ...(await takeDown(nft)) });
      return exitCodes.ok;
    case "show": {
      const program = await readRedirect(nft);
      tell({
        action,
        installed: program !== null,
        program,
        text: program ?? "no redirection is installed\n",
      });
      return program === null ? exitCodes.failed : exitCodes.ok;
    }
    default:
      return action satisfies never;
  }
}

async function takeDown(nft: Nft): Promise<Pick<Answer, "removed" | "text">> {
  const removed = (await readRedirect(nft)) !== null;
  if (removed) await removeRedirect(nft);
  return { removed, text: removed ? "redirection removed\n" : "no redirection is installed\n" };
}

interface Answer {
  readonly action: string;
  readonly dryRun?: boolean;
  readonly installed?: boolean;
  /** Whether there was one. */
  readonly removed?: boolean;
  readonly program?: string | null;
  /** For people. */
  readonly text: string;
}

type Values = ReturnType<typeof parseFlags<typeof flags>>["values"];

function planOf(values: Values, { env }: Shell): RedirectPlan {
  const includeInbound = parsePorts(values["include-inbound-ports"], "--include-inbound-ports");
  const excludeInbound =
    values["exclude-inbound-ports"] ?? (includeInbound.length > 0 ? "" : usuallyExcluded);
  const plan = {
    outboundPort: portOrOff(values["outbound-port"], "--outbound-port"),
    inboundPort: portOrOff(values["inbound-port"], "--inbound-port"),
    excludeUid: userId(values.uid),
    mark: values.mark === undefined ? null : markOf(values.mark),
    outboundPorts: {
      include: parsePorts(values["include-ports"], "--include-ports"),
      exclude: parsePorts(values["exclude-ports"], "--exclude-ports"),
    },
    inboundPorts: {
      include: includeInbound,
      exclude: [
        ...parsePorts(excludeInbound, "--exclude-inbound-ports"),
        ...gossipPorts(values["gossip-port"], env.UNDERSTUDY_GOSSIP, includeInbound.length > 0),
      ],
    },
    includeCidrs: parseCidrs(values["include-cidrs"], "--include-cidrs"),
    excludeCidrs: parseCidrs(values["exclude-cidrs"], "--exclude-cidrs"),
  };
  if (plan.outboundPort === plan.inboundPort) {
    const expected =
      plan.outboundPort === null ? "a port, since --outbound-port is off" : "a port of its own";
    throw bad("--inbound-port", expected, values["inbound-port"]);
  }
  return plan;
}

/** Other members speak to the sidecar itself, not to the service. `narrow`: only some ports are redirected at all. */
function gossipPorts(
  flag: string | undefined,
  variable: string | undefined,
  narrow: boolean,
): readonly PortRange[] {
  const port =
    flag !== undefined
      ? portOrOff(flag, "--gossip-port")
      : variable && variable !== "off"
        ? parseHostPort(variable, "UNDERSTUDY_GOSSIP", { host: "127.0.0.1" }).port
        : narrow
          ? null
          : usualGossipPort;
  return port === null ? [] : [{ first: port, last: port }];
}

function portOrOff(text: string, field: string): number | null {
  if (text === "off") return null;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) throw bad(field, "a port or off", text);
  return port;
}

/** The one above it means nobody. */
const maxUserId = 0xffff_fffe;

function userId(text: string | undefined): number {
  if (text === undefined) {
    throw new UnderstudyError(
      "bad_config",
      "--uid: expected the user that the sidecar runs as, such as 1337 (its own connections must not come back to it)",
    );
  }
  if (/^\d{1,10}$/.test(text) && Number(text) <= maxUserId) return Number(text);
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${text}:`));
  const id = line?.split(":")[2];
  if (id === undefined) throw bad("--uid", "a user id, or a name from /etc/passwd", text);
  return Number(id);
}

function markOf(text: string): number {
  const mark = Number(text);
  if (!/^(0x[\da-f]{1,8}|\d{1,10})$/i.test(text) || mark < 1 || mark > 0xffff_ffff) {
    throw bad("--mark", "a number from 1 to 0xffffffff", text);
  }
  return mark;
}

function bad(field: string, expectation: string, got: string): UnderstudyError {
  return new UnderstudyError("bad_config", `${field}: expected ${expectation}, got ${JSON.stringify(got)}`);
}
