// Upgrade to HTTP/2 (RFC 7540 §3.2; RFC 9113 §3.1 deprecates it, clients still ask): who asks, who agrees, and how a request
// is forwarded whose response must stay HTTP/1.

import type { RequestHead } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import { upgradeSettings } from "../http2/upgraded-connection.ts";

/** A request that asks to go on as HTTP/2. */
export interface Http2Ask {
  /** The client's first SETTINGS: the payload of HTTP2-Settings. */
  readonly settings: Buffer;
  /** The content-type, where the call speaks gRPC; else null. */
  readonly grpcType: string | null;
}

/** null: it does not ask, or not as §3.2.1 wants it (one HTTP2-Settings field, well formed). */
export function asksForHttp2(head: RequestHead): Http2Ask | null {
  if (!namesHttp2(head.header("upgrade"))) return null;
  const given = head.headers.filter(([name]) => name.toLowerCase() === "http2-settings");
  const settings = given.length === 1 ? upgradeSettings(given[0]?.[1] ?? "") : null;
  if (!settings) return null;
  const type = head.header("content-type");
  return { settings, grpcType: type?.startsWith("application/grpc") ? type : null };
}

/** Whether a 101 with these fields goes on as HTTP/2. */
export function agreesOnHttp2(reply: HeaderList): boolean {
  const upgrades = reply.filter(([name]) => name.toLowerCase() === "upgrade");
  return upgrades.length === 1 && namesHttp2(upgrades[0]?.[1]);
}

/**
 * The fields without the wish to go on as HTTP/2, which a hop may always leave unheard (RFC 9110 §7.8): what a rule does to
 * the response would not reach it there.
 */
export function withoutHttp2Ask(headers: HeaderList): HeaderList {
  if (!headers.some(([name, value]) => name.toLowerCase() === "upgrade" && namesHttp2(value))) return headers;
  const kept: (readonly [string, string])[] = [];
  const upgrades = headers.filter(([name]) => name.toLowerCase() === "upgrade");
  const others = upgrades.some(([, value]) => tokensOf(value).some((token) => !isHttp2(token)));
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    const gone = lower === "upgrade" ? isHttp2 : lower === "connection" ? isHop(others) : null;
    const left = gone ? tokensOf(value).filter((token) => !gone(token)) : null;
    if (lower === "http2-settings" || left?.length === 0) continue;
    kept.push(left ? [name, left.join(", ")] : [name, value]);
  }
  return kept;
}

/** Options of Connection that belong to the wish. `others`: another protocol is asked for, too. */
function isHop(others: boolean): (token: string) => boolean {
  return (token) => {
    const lower = token.toLowerCase();
    return lower === "http2-settings" || (lower === "upgrade" && !others);
  };
}

const isHttp2 = (token: string): boolean => token.toLowerCase() === "h2c";

function namesHttp2(upgrade: string | undefined): boolean {
  return upgrade !== undefined && tokensOf(upgrade).some(isHttp2);
}

function tokensOf(list: string): string[] {
  return list
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token !== "");
}
