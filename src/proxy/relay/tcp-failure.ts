// Why TCP to an upstream failed, for the caller, the journal and the log.

import { formatHostPort, type HostPort } from "../../core/address.ts";
import { messageOf } from "../../core/errors.ts";

/** `10.0.0.1:443 refused the connection`; what is not known better is in the words of the system. */
export function tcpFailureText(thrown: unknown, upstream: HostPort): string {
  const place = formatHostPort(upstream);
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  switch (code) {
    case "ECONNREFUSED":
      return `${place} refused the connection`;
    case "ENOTFOUND":
      return `${upstream.host} has no address`;
    case "ECONNRESET":
      return `${place} reset the connection`;
    default:
      return `${place}: ${messageOf(thrown)}`;
  }
}
