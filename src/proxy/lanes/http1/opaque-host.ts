// Hosts that the operator wants relayed without parsing, known by what they are dialled or called.

import type { HostPort } from "../../../core/address.ts";

/** True where `opaqueHosts` names the destination or the authority, as `host` or `host:port`. */
export function namesOpaqueHost(
  opaqueHosts: readonly string[],
  destination: HostPort | null,
  authority: string,
): boolean {
  if (opaqueHosts.length === 0) return false;
  const names = [authority.toLowerCase(), authority.toLowerCase().replace(/:\d+$/, "")];
  if (destination)
    names.push(destination.host.toLowerCase(), `${destination.host}:${destination.port}`.toLowerCase());
  return opaqueHosts.some((host) => names.includes(host.toLowerCase()));
}

/** What a head that cannot be parsed seems to call its host: good enough to look it up in a list, and for nothing else. */
export function roughHost(bytes: Buffer): string {
  const text = bytes.toString("latin1", 0, Math.min(bytes.length, 8_192));
  return /(?:^|[\r\n])host[ \t]*:[ \t]*([^\s]+)/i.exec(text)?.[1] ?? "";
}

/** What to do about a peer that breaks the protocol and cannot be mended. */
export const opaqueAdvice =
  "a host that must be spoken to as it is can be named under opaqueHosts in the config";
