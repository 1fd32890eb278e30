// The variables that make willing programs use an explicit proxy: what is left where there is no namespace.

import { formatHostPort, type HostPort } from "../../core/address.ts";

/**
 * `env` with the proxy set in every spelling that is in use. curl reads only the lower case of http_proxy, most
 * others either. NO_PROXY is emptied: calls to localhost are just what a developer wants to see.
 */
export function proxyEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  proxy: HostPort,
): Readonly<Record<string, string>> {
  const url = `http://${formatHostPort(proxy)}`;
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) result[name] = value;
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]) {
    const value = name === "NO_PROXY" ? "" : url;
    result[name] = value;
    result[name.toLowerCase()] = value;
  }
  // Node's own fetch and http look at the variables only when told to (22.21 and newer).
  result.NODE_USE_ENV_PROXY = "1";
  return result;
}

/** What an honest line about this mode says. */
export const proxyEnvironmentBlindness =
  "only HTTP calls of programs that honour HTTP_PROXY are seen; other TCP, DNS and servers of the command are not";
