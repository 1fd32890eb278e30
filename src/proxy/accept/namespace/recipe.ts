// How a namespace is made: which kinds to try, in what order, and the command line of each. Pure.

import { type HostNetwork, networkScript } from "./network.ts";

export interface Isolation {
  /** An ordinary user gets power over a network namespace only inside a user namespace of their own. */
  readonly userNamespace: boolean;
  /** With it the kernel ends every process inside when the first one ends; it needs a /proc of its own. */
  readonly pidNamespace: boolean;
}

/**
 * Best first. Root does without a user namespace where it may, so that the command stays real root. Hardened
 * containers refuse a fresh /proc: then there is no PID namespace, and clean-up sweeps instead.
 */
export function isolationsToTry(uid: number): readonly Isolation[] {
  const pidNamespaces = [true, false];
  const userNamespaces = uid === 0 ? [false, true] : [true];
  return userNamespaces.flatMap((userNamespace) =>
    pidNamespaces.map((pidNamespace) => ({ userNamespace, pidNamespace })),
  );
}

/** Where administrators' tools are, which an ordinary user's PATH leaves out. */
export const toolFolders = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Programs without which no namespace can be made, with the package that holds each. */
export const requiredPrograms: Readonly<Record<string, string>> = {
  unshare: "util-linux",
  ip: "iproute2",
  nft: "nftables",
};

// A signal from the terminal reaches the whole process group. The command decides what it means; those between it
// and us must outlive it. Ignored dispositions survive exec; Node and the command set their own.
const deaf = "trap '' HUP INT QUIT TERM USR1 USR2";

/**
 * The words to spawn:
 *
 *     sh (deaf) → exec unshare → sh: network, then waits → helper → command
 *
 * The inner shell is the first process of the PID namespace, and reaps orphans while it waits for the helper.
 */
export function namespaceCommand(
  isolation: Isolation,
  network: HostNetwork,
  helper: readonly string[],
): readonly string[] {
  const flags = [
    ...(isolation.userNamespace ? ["--user", "--map-root-user"] : []),
    "--net",
    // `--mount-proc` mounts after the fork, in a mount namespace of its own.
    ...(isolation.pidNamespace ? ["--pid", "--mount-proc"] : []),
    "--fork",
    "--kill-child",
  ];
  // Without a PID namespace nobody must stand between unshare, whose death ends its child, and the helper.
  // With one, a second shell takes over, so that `ps` inside does not show the whole script.
  const last = isolation.pidNamespace ? `exec sh -c '"$@"; exit $?' understudy "$@"` : 'exec "$@"';
  const script = `${deaf}\n${networkScript(network)}${last}\n`;
  return [
    "sh",
    "-c",
    `${deaf}; exec "$@"`,
    "sh",
    "unshare",
    ...flags,
    "--",
    "sh",
    "-c",
    script,
    "sh",
    ...helper,
  ];
}

/**
 * The command's own words inside. In a user namespace the helper is its root; a nested one gives the command its
 * usual ids back, and no capability over the network around it. `unshare`: its file, for the command's PATH may be
 * anything.
 */
export function commandInside(
  isolation: Isolation,
  ids: { readonly uid: number; readonly gid: number },
  command: readonly string[],
  unshare: string,
): readonly string[] {
  if (!isolation.userNamespace) return command;
  return [unshare, "--user", `--map-user=${ids.uid}`, `--map-group=${ids.gid}`, "--", ...command];
}
