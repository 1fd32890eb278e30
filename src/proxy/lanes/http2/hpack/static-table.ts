// The static table of HPACK (RFC 7541 appendix A), and the names that it can stand for.

import { Field } from "./field.ts";

const rows =
  ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|" +
  ":status=204|:status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|" +
  "accept-encoding=gzip, deflate|accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|" +
  "authorization|cache-control|content-disposition|content-encoding|content-language|content-length|" +
  "content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|" +
  "if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|" +
  "proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie|" +
  "strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate";

/** By index; 0 stands for none. */
export const staticTable: readonly (Field | undefined)[] = [
  undefined,
  ...rows.split("|").map((row, i) => {
    const [name = "", value = ""] = row.split("=");
    return new Field(name, value, i + 1);
  }),
];

/** Index of the last entry; the dynamic table begins behind it (RFC 7541 §2.3.3). */
export const lastStaticIndex = staticTable.length - 1;

const firstIndexOf = new Map<string, number>();
for (const field of staticTable)
  if (field && !firstIndexOf.has(field.name)) firstIndexOf.set(field.name, field.staticIndex);

/** The first index with this name; 0 where there is none. */
export function staticNameIndex(name: string): number {
  return firstIndexOf.get(name) ?? 0;
}
