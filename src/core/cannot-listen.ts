// The error of a port of ours that cannot be had, in words that say what to do.

import { formatHostPort, type HostPort } from "./address.ts";
import { messageOf, UnderstudyError } from "./errors.ts";

/** `what`: whose port it is, where that is not plain; `flag`: the one that names it. */
export function cannotListen(
  { what, place, flag }: { readonly what?: string; readonly place: HostPort; readonly flag: string },
  cause: unknown,
): UnderstudyError {
  const isTaken = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
  const why = isTaken ? `another process listens there (choose another ${flag})` : messageOf(cause);
  const subject = what === undefined ? "" : `${what}: `;
  const message = `${subject}cannot listen on ${formatHostPort(place)}: ${why}`;
  return new UnderstudyError("bad_config", message, { cause });
}
