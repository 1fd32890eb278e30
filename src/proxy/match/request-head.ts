// A request head from plain values, for calls that are described rather than received.

import { asciiHost } from "../../core/ascii-host.ts";
import type { RequestHead } from "../../core/exchange.ts";
import { type HeaderList, headerValue } from "../../core/headers.ts";

export type DescribedRequest = {
  /** Default GET. */
  readonly method?: string;
  readonly headers?: HeaderList;
} & (
  | { readonly url: string }
  | { readonly authority: string; readonly path: string; readonly scheme?: "http" | "https" }
);

/**
 * `url` is absolute, `http://host:port/path?query`; its text is kept as written but for hosts of other scripts, so that matching
 * sees what a client would send. A Host field in `headers` takes precedence over the URL's authority. null where the URL is not absolute http(s).
 */
export function requestHead(request: DescribedRequest): RequestHead | null {
  const target = "url" in request ? splitUrl(request.url) : request;
  if (target === null) return null;
  const headers = request.headers ?? [];
  return {
    method: request.method ?? "GET",
    scheme: target.scheme ?? "http",
    authority: headerValue(headers, "host") ?? target.authority,
    path: target.path,
    headers,
    header: (name) => headerValue(headers, name),
  };
}

function splitUrl(
  url: string,
): { readonly scheme: "http" | "https"; readonly authority: string; readonly path: string } | null {
  const parts = /^(https?):\/\/([^/?#\s]+)([^#\s]*)(?:#\S*)?$/i.exec(url);
  if (!parts) return null;
  const [, scheme = "", authority = "", rest = ""] = parts;
  return {
    scheme: scheme.toLowerCase() === "https" ? "https" : "http",
    // Credentials are no part of the authority that a request carries (RFC 9110 §4.2.4).
    authority: asciiHost(authority.slice(authority.lastIndexOf("@") + 1)),
    path: rest.startsWith("/") ? rest : `/${rest}`,
  };
}
