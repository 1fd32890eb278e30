// The nftables program that sends the TCP connections of a host or pod through the sidecar. Pure: text from values.
//
//     service ── output ──▶ outbound listener ── (uid of the sidecar: left alone) ──▶ upstream
//     client ── prerouting ──▶ inbound listener ── over lo, left alone ──▶ service

import { isIP } from "node:net";
import { UnderstudyError } from "../../../core/errors.ts";

/** The one table that is ours; nothing outside of it is touched. */
export const tableName = "understudy";

/** Which connections of one direction are meant. An empty include list means all; what is excluded, is excluded last. */
export interface PortChoice {
  readonly include: readonly PortRange[];
  readonly exclude: readonly PortRange[];
}

/** Both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface RedirectPlan {
  /** Where the sidecar takes the service's calls; null: they are left alone. */
  readonly outboundPort: number | null;
  /** Where it takes calls to the service; null: they are left alone. */
  readonly inboundPort: number | null;
  /** Who the sidecar runs as: its connections go their way, or they would come back to it for ever. */
  readonly excludeUid: number;
  /** SO_MARK of further connections to leave alone; null: none. */
  readonly mark: number | null;
  readonly outboundPorts: PortChoice;
  readonly inboundPorts: PortChoice;
  /** Destinations of outbound connections: addresses or CIDRs of either family. An empty include list means all. */
  readonly includeCidrs: readonly string[];
  readonly excludeCidrs: readonly string[];
  /** Ports of an earlier redirection where connections are still open. Left out: none. */
  readonly carriedPorts?: readonly number[];
}

/** Replaces the table as a whole, in one transaction: installing twice changes nothing. */
export function redirectProgram(plan: RedirectPlan): string {
  const chains = [
    ...(plan.outboundPort === null ? [] : [outboundChain(plan, plan.outboundPort)]),
    ...(plan.inboundPort === null ? [] : [inboundChain(plan, plan.inboundPort)]),
    ...(plan.carriedPorts && plan.carriedPorts.length > 0 ? [carryChain(plan.carriedPorts)] : []),
  ];
  return `${removeProgram()}table inet ${tableName} {\n${chains.join("\n")}}\n`;
}

/** Redirects nothing new, and carries on what was redirected to these ports. In place of an earlier table, in one step. */
export function carryProgram(ports: readonly number[]): string {
  return `${removeProgram()}table inet ${tableName} {\n${carryChain(ports)}}\n`;
}

/** Its rule is never met, as such connections are not new. It keeps the kernel tracking connections, and tells the ports. */
function carryChain(ports: readonly number[]): string {
  return chain("carried", "output", [`ct status dnat tcp dport { ${ports.join(", ")} } return`]);
}

/** Removes the table. Adding first makes it no error that there is none. */
export function removeProgram(): string {
  return `add table inet ${tableName}\ndelete table inet ${tableName}\n`;
}

function outboundChain(plan: RedirectPlan, port: number): string {
  const { include, exclude } = plan.outboundPorts;
  return chain("outbound", "output", [
    ...(plan.mark === null ? [] : [`meta mark ${plan.mark} return`]),
    `meta skuid ${plan.excludeUid} return`,
    // The service talking to itself stays with itself.
    'oifname "lo" return',
    ...excludeCidrs(plan.excludeCidrs),
    ...includeCidrs(plan.includeCidrs),
    ...excludePorts(exclude),
    ...includePorts(include),
    redirectTo(port),
  ]);
}

function inboundChain(plan: RedirectPlan, port: number): string {
  const { include, exclude } = plan.inboundPorts;
  const own = [plan.inboundPort, plan.outboundPort].flatMap((mine) =>
    mine === null ? [] : [{ first: mine, last: mine }],
  );
  return chain("inbound", "prerouting", [
    'iifname "lo" return',
    // What is only forwarded by this machine is somebody else's.
    "fib daddr type != local return",
    ...excludePorts([...own, ...exclude]),
    ...includePorts(include),
    redirectTo(port),
  ]);
}

/**
 * Only what begins: conntrack takes a connection that was open before for a new one, in its middle, and redirecting that would
 * cut it.
 */
function redirectTo(port: number): string {
  return `tcp flags & (fin | syn | rst | ack) == syn counter redirect to :${port}`;
}

function chain(name: string, hook: "output" | "prerouting", rules: readonly string[]): string {
  // -100 is dstnat; its name is known only to prerouting.
  const lines = [`type nat hook ${hook} priority -100; policy accept;`, ...rules];
  return `  chain ${name} {\n${lines.map((line) => `    ${line}\n`).join("")}  }\n`;
}

function excludePorts(ranges: readonly PortRange[]): readonly string[] {
  return ranges.length === 0 ? [] : [`tcp dport ${portSet(ranges)} return`];
}

function includePorts(ranges: readonly PortRange[]): readonly string[] {
  return ranges.length === 0 ? [] : [`tcp dport != ${portSet(ranges)} return`];
}

/** nft refuses a set whose elements overlap, so that they are merged here. */
function portSet(ranges: readonly PortRange[]): string {
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else merged.push({ first, last });
  }
  return `{ ${merged.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(", ")} }`;
}

/** One rule a range, rather than a set: ranges may overlap here. */
function excludeCidrs(cidrs: readonly string[]): readonly string[] {
  return cidrs.map((cidr) => `${family(cidr)} daddr ${cidr} return`);
}

/** Whoever is in none of the ranges leaves; a family without a range leaves as a whole. */
function includeCidrs(cidrs: readonly string[]): readonly string[] {
  if (cidrs.length === 0) return [];
  return [
    ["ip", "ipv4"],
    ["ip6", "ipv6"],
  ].map(([name, protocol]) => {
    const own = cidrs.filter((cidr) => family(cidr) === name);
    // `!=` in one rule is AND across the ranges, which is what "in none of them" means.
    const conditions = own.map((cidr) => `${name} daddr != ${cidr}`).join(" ");
    return own.length === 0 ? `meta nfproto ${protocol} return` : `${conditions} return`;
  });
}

function family(cidr: string): "ip" | "ip6" {
  return cidr.includes(":") ? "ip6" : "ip";
}

/** Reads `80,443,8000-8999`; "" is empty. `field` names the place in the error. Throws `bad_config`. */
export function parsePorts(text: string, field: string): readonly PortRange[] {
  return items(text).map((item) => {
    const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(item);
    const first = Number(found?.[1]);
    const last = Number(found?.[2] ?? found?.[1]);
    if (!found || first < 1 || last > 65_535 || first > last) {
      throw unexpected(field, "ports such as 80,443,8000-8999", item);
    }
    return { first, last };
  });
}

/** Reads `10.0.0.0/8,fd00::/8,192.0.2.7`. Throws `bad_config`. */
export function parseCidrs(text: string, field: string): readonly string[] {
  return items(text).map((item) => {
    const [address = "", length, ...more] = item.split("/");
    const version = isIP(address);
    const isLength =
      length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128));
    if (version === 0 || address.includes("%") || !isLength || more.length > 0) {
      throw unexpected(field, "addresses or CIDRs such as 10.0.0.0/8,fd00::/8", item);
    }
    return item;
  });
}

function items(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function unexpected(field: string, expectation: string, got: string): UnderstudyError {
  return new UnderstudyError("bad_config", `${field}: expected ${expectation}, got ${JSON.stringify(got)}`);
}
