// The flags of `understudy redirect up`, and the plan that they make.

import { readFileSync } from "node:fs";
import { parseHostPort } from "../core/address.ts";
import { UnderstudyError } from "../core/errors.ts";
import { usualGossipPort } from "../core/join-target.ts";
import {
  type PortRange,
  parseCidrs,
  parsePorts,
  type RedirectPlan,
} from "../proxy/accept/redirect/program.ts";
import type { Shell } from "./command.ts";
import type { parseFlags } from "./flags.ts";

export const redirectFlags = {
  uid: { type: "string" },
  "outbound-port": { type: "string", default: "15001" },
  "inbound-port": { type: "string", default: "15006" },
  "include-ports": { type: "string", default: "" },
  "exclude-ports": { type: "string", default: "" },
  "include-inbound-ports": { type: "string", default: "" },
  "exclude-inbound-ports": { type: "string", default: "" },
  "gossip-port": { type: "string" },
  "include-cidrs": { type: "string", default: "" },
  "exclude-cidrs": { type: "string", default: "" },
  mark: { type: "string" },
  "dry-run": { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

// Nobody may lock themselves out, and probes must reach the sidecar whatever the service does.
const usuallyExcluded = "22,15090";

type Values = ReturnType<typeof parseFlags<typeof redirectFlags>>["values"];

/** Throws `bad_config`, with the flag, its value and what was expected. */
export function redirectPlanOf(values: Values, { env }: Pick<Shell, "env">): RedirectPlan {
  const includeInbound = parsePorts(values["include-inbound-ports"], "--include-inbound-ports");
  const spared = includeInbound.length > 0 ? "" : usuallyExcluded;
  const excludeInbound = `${spared},${values["exclude-inbound-ports"]}`;
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
