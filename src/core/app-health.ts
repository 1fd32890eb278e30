// How the health of the service beside a sidecar is asked for, and what it came to.

import { type HostPort, splitAuthority } from "./address.ts";

export type HealthProbe =
  /** A GET that is answered with 200 to 399. */
  | { readonly kind: "http"; readonly to: HostPort; readonly path: string }
  /** grpc.health.v1.Health/Check that says SERVING; `service` "": the server as a whole. */
  | { readonly kind: "grpc"; readonly to: HostPort; readonly service: string }
  /** A connection that is accepted. */
  | { readonly kind: "tcp"; readonly to: HostPort };

/** `unknown`: not asked yet. */
export type AppHealth = "unknown" | "passing" | "failing";

/** `http://127.0.0.1:8080/healthz`, `grpc://127.0.0.1:50051/shop.v1.Cart`, `tcp://127.0.0.1:5432`; undefined: none of them. */
export function parseHealthProbe(text: string): HealthProbe | undefined {
  const [, kind, authority = "", rest = ""] =
    /^(http|grpc|tcp):\/\/([^/?#@\s]+)([/?][^#\s]*)?$/.exec(text) ?? [];
  const found = splitAuthority(authority);
  const port = found?.port ?? (kind === "http" ? 80 : 0);
  if (found === undefined || found.host === "" || port === 0) return undefined;
  const to = { host: found.host, port };
  switch (kind) {
    case "http":
      return { kind, to, path: rest.startsWith("/") ? rest : `/${rest}` };
    case "grpc":
      return /^(?:\/[\w.]{1,120})?\/?$/.test(rest)
        ? { kind, to, service: rest.replaceAll("/", "") }
        : undefined;
    case "tcp":
      return rest === "" || rest === "/" ? { kind, to } : undefined;
    default:
      return undefined;
  }
}
