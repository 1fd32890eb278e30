// `understudy redirect up|down|show`: the packet redirection that feeds `understudy sidecar`.

import { UnderstudyError } from "../core/errors.ts";
import {
  carryOn,
  installRedirect,
  type Nft,
  readRedirect,
  removeRedirect,
  systemNft,
} from "../proxy/accept/redirect/apply.ts";
import { type PortUse, portUse, readTcpTables, tablePorts } from "../proxy/accept/redirect/carried.ts";
import { type RedirectPlan, redirectProgram, removeProgram } from "../proxy/accept/redirect/program.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";
import { parseFlags } from "./flags.ts";
import { redirectFlags, redirectPlanOf } from "./redirect-plan.ts";

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

Only connections that begin are redirected or no longer redirected: those that
are open stay as they are. down leaves an empty table while the sidecar still
has connections from before, which would hang without it; once more, later,
removes it.

Loopback is left alone. show prints the program in force with its counters; its
exit code is 1 where none is. Other exit codes: 64 usage, 77 no right to do it,
78 a wrong value.

Examples:
  understudy redirect up --uid 1337 --exclude-ports 5432
  understudy redirect up --uid 1337 --dry-run
`;

const line = { command: "redirect", options: redirectFlags, operands: "up, down or show" } as const;

export const redirect: Command = {
  name: "redirect",
  summary: "Install, remove or show the redirection that feeds the sidecar",
  help,
  run: (args, shell) => runRedirect(args, shell, systemNft(shell.env.PATH ?? "")),
};

/** The command with nft as a dependency, and the kernel's tables of sockets. */
export async function runRedirect(
  args: readonly string[],
  shell: Shell,
  nft: Nft,
  tcpTables: () => readonly string[] = readTcpTables,
): Promise<number> {
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
  const tell = ({ text, ...answer }: Answer): number => {
    shell.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : text);
    return action === "show" && answer.installed === false ? exitCodes.failed : exitCodes.ok;
  };
  if (values["dry-run"]) {
    const program = action === "down" ? removeProgram() : redirectProgram(redirectPlanOf(values, shell));
    return tell({ action, dryRun: true, program, text: program });
  }
  const use = (ports: readonly number[]) => portUse(ports, tcpTables());
  switch (action) {
    case "up":
      return tell(await bringUp(redirectPlanOf(values, shell), nft, use));
    case "down":
      return tell(await takeDown(nft, use));
    case "show":
      return tell(await look(nft, use));
    default:
      return action satisfies never;
  }
}

/** What is told. Absent: it does not belong to that action. */
interface Answer {
  readonly action: string;
  readonly dryRun?: boolean;
  readonly installed?: boolean;
  /** Whether there was one. */
  readonly removed?: boolean;
  readonly program?: string | null;
  /** Ports to which connections are redirected although nobody listens there. */
  readonly unheardPorts?: readonly number[];
  /** Connections that the sidecar has from a redirection. */
  readonly openConnections?: number;
  /** For people. */
  readonly text: string;
}

type Use = (ports: readonly number[]) => PortUse;

async function bringUp(wanted: RedirectPlan, nft: Nft, use: Use): Promise<Answer> {
  const before = tablePorts((await readRedirect(nft)) ?? "");
  // Another sidecar may still finish what it has at other ports; a later down has to know.
  const carriedPorts = [...before.redirected, ...before.carried].filter(
    (port) => port !== wanted.outboundPort && port !== wanted.inboundPort && use([port]).open > 0,
  );
  const plan = { ...wanted, carriedPorts };
  await installRedirect(plan, nft);
  const program = redirectProgram(plan);
  const { redirected } = tablePorts(program);
  const unheardPorts = unheard(redirected, use(redirected));
  const text = `redirection installed\n${unheardText(unheardPorts)}`;
  return { action: "up", installed: true, program, unheardPorts, text };
}

/** What is open is carried to its end: it would hang otherwise. */
async function takeDown(nft: Nft, use: Use): Promise<Answer> {
  const listing = await readRedirect(nft);
  const none = { action: "down", installed: false, removed: false, openConnections: 0 };
  if (listing === null) return { ...none, text: "no redirection is installed\n" };
  const { redirected, carried } = tablePorts(listing);
  // First, so that no new connection comes while the open ones are counted.
  if (redirected.length > 0) await carryOn([...redirected, ...carried], nft);
  const openConnections = use([...redirected, ...carried]).open;
  if (openConnections === 0) await removeRedirect(nft);
  const removed = redirected.length > 0 || openConnections === 0;
  const left = `${carriedText(openConnections)};\nan empty table carries them to their end; down, once more, removes it then\n`;
  const text = `${removed ? "redirection removed" : "no redirection is installed"}\n`;
  return { ...none, removed, openConnections, text: openConnections === 0 ? text : text + left };
}

async function look(nft: Nft, use: Use): Promise<Answer> {
  const listing = await readRedirect(nft);
  const { redirected, carried } = tablePorts(listing ?? "");
  const used = use([...redirected, ...carried]);
  const installed = listing !== null && redirected.length > 0;
  const unheardPorts = unheard(redirected, used);
  const answer = { action: "show", installed, program: installed ? listing : null, unheardPorts };
  const left = used.open === 0 ? "" : `${carriedText(used.open)}\n`;
  const text = installed ? listing + unheardText(unheardPorts) : `no redirection is installed\n${left}`;
  return { ...answer, openConnections: used.open, text };
}

function unheard(ports: readonly number[], { heard }: PortUse): readonly number[] {
  return ports.filter((port) => !heard.includes(port));
}

/** A comment in nft's language, since it may stand behind a program. */
function unheardText(ports: readonly number[]): string {
  if (ports.length === 0) return "";
  const named = `${ports.length === 1 ? "port" : "ports"} ${ports.join(" and ")}`;
  return `# nobody listens on ${named}: redirected connections are refused until a sidecar does\n`;
}

function carriedText(open: number): string {
  return open === 1
    ? "1 connection from before still passes through the sidecar"
    : `${open} connections from before still pass through the sidecar`;
}
