// What the network inside the namespace looks like: the addresses on lo, the routes, the nftables program. Pure text.

import { isIP } from "node:net";

/** The host's own addresses, which the namespace wears too, so that a program sees itself where it would be. */
export interface HostNetwork {
  /** Without loopback. */
  readonly ipv4: readonly string[];
  /** Without loopback and link-local ones. */
  readonly ipv6: readonly string[];
  /** The host can reach the IPv6 internet: without it clients must go on preferring IPv4. */
  readonly ipv6Route: boolean;
}

/**
 * Where the redirected packets go, on loopback: TCP to the acceptors, UDP to the DNS carrier. A port below 1024,
 * for the namespace is new and the command, which holds no capability over it, cannot take such a port.
 * Nobody has it (IANA leaves 1011 to 1020 unassigned); port 1 is what tests dial when they want a closed one.
 */
export const redirectPort = 1_011;

/** SO_MARK of sockets that connect inside on our behalf; nftables lets them pass. */
export const insideMark = 0x75647379;

// RFC 7600 §3: the IPv4 dummy address. A source address must exist, or nothing that is not loopback can be dialled.
const dummyAddress = "192.0.0.8";

/** Addresses that a program inside finds on its own interface, beside loopback. */
export function ownAddresses(network: HostNetwork): readonly string[] {
  return [...(network.ipv4.length > 0 ? network.ipv4 : [dummyAddress]), ...network.ipv6];
}

/** The shell lines that bring the network up inside a fresh namespace; the first failure of an essential one exits 70. */
export function networkScript(network: HostNetwork): string {
  const own = ownAddresses(network);
  const ipv4 = own.filter((address) => isIP(address) === 4);
  const ipv6 = own.filter((address) => isIP(address) === 6);
  const lines = [
    "ip link set lo up || exit 70",
    ...ipv4.map((address) => `ip addr add ${address}/32 dev lo || exit 70`),
    "ip route add default dev lo || exit 70",
    `nft -f - <<'PROGRAM' || exit 70\n${redirectProgram(ipv4, ipv6)}PROGRAM`,
    // A kernel without IPv6 refuses these; then there is nothing to redirect either.
    ...ipv6.map((address) => `ip -6 addr add ${address}/128 dev lo 2>/dev/null`),
    ...(network.ipv6Route ? ["ip -6 route add default dev lo 2>/dev/null"] : []),
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * TCP to anywhere and DNS over UDP come to us; what stays inside goes its way; the rest (QUIC, ping) is dropped here,
 * which the sender learns at once (EPERM), so that programs fall back to TCP instead of waiting.
 */
export function redirectProgram(ipv4: readonly string[], ipv6: readonly string[]): string {
  return `table inet understudy {
  chain redirected {
    type nat hook output priority -100; policy accept;
    meta mark ${insideMark} return
    meta l4proto tcp redirect to :${redirectPort}
    udp dport 53 redirect to :${redirectPort}
  }
  chain beyond {
    type filter hook output priority 0; policy drop;
    ct status dnat accept
    ip daddr { ${["127.0.0.0/8", ...ipv4].join(", ")} } accept
    ip6 daddr { ${["::1", ...ipv6].join(", ")} } accept
  }
}
`;
}
