// The body of a mocked reply as a rule names it: which bytes, under which media type. Files are read here, once, while
// the rules are loaded.

import { readFileSync, statSync } from "node:fs";
import { extname } from "node:path";
import { messageOf } from "../../core/errors.ts";
import { type HeaderList, headerValue } from "../../core/headers.ts";
import type { ReplyBodySpec } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";

const maxFileBytes = 67_108_864;

const mediaTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".csv": "text/csv; charset=utf-8",
  ".gif": "image/gif",
  ".gz": "application/gzip",
  ".htm": "text/html; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".md": "text/markdown; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".mp4": "video/mp4",
  ".ndjson": "application/x-ndjson",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
  ".xml": "application/xml",
  ".yaml": "application/yaml",
  ".yml": "application/yaml",
  ".zip": "application/zip",
};

/** The key under which a rule writes this kind of body; null for none. */
export function bodyKeyOf(body: ReplyBodySpec): "body" | "json" | "base64" | "file" | "events" | null {
  if (body.kind === "none") return null;
  return body.kind === "text" ? "body" : body.kind;
}

/** The media type where the rule gives none; null for a reply without a body. */
export function mediaTypeOf(body: ReplyBodySpec): string | null {
  switch (body.kind) {
    case "none":
      return null;
    case "text":
      return "text/plain; charset=utf-8";
    case "json":
      return "application/json";
    case "base64":
      return "application/octet-stream";
    case "events":
      return "text/event-stream";
    case "file":
      return mediaTypes[extname(body.path).toLowerCase()] ?? "application/octet-stream";
    default:
      return body satisfies never;
  }
}

/** The fields with a content type where there is a body and the rule names none. */
export function withMediaType(headers: HeaderList, mediaType: string | null): HeaderList {
  if (mediaType === null || headerValue(headers, "content-type") !== undefined) return headers;
  return [...headers, ["content-type", mediaType]];
}

/** The bytes of a body that is no template. `path`: the reply in its rule. Throws RuleProblem for a file that cannot be read. */
export function bytesOf(body: ReplyBodySpec, path: RulePath): Uint8Array {
  switch (body.kind) {
    case "none":
      return new Uint8Array(0);
    case "text":
      return Buffer.from(body.text, "utf8");
    case "json":
      return Buffer.from(JSON.stringify(body.value) ?? "null", "utf8");
    case "base64":
      return body.bytes;
    case "file":
      return readWhole(body.path, [...path, "file"]);
    case "events":
      return new Uint8Array(0); // they are written while the reply goes out
    default:
      return body satisfies never;
  }
}

function readWhole(file: string, path: RulePath): Uint8Array {
  let found: { readonly size: number; isFile(): boolean };
  try {
    found = statSync(file);
    if (found.isFile() && found.size <= maxFileBytes) return readFileSync(file);
  } catch (thrown) {
    throw new RuleProblem(path, `expected a file that can be read, got ${file}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  throw new RuleProblem(
    path,
    found.isFile()
      ? `expected a file of at most ${maxFileBytes} bytes, got ${file} with ${found.size}`
      : `expected a file, got ${file}, which is none`,
  );
}
