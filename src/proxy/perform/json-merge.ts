// JSON Merge Patch (RFC 7396): members of the patch replace those of the target, null removes.

import { copyJson, isJsonObject, type JsonObject, memberOf } from "./json-document.ts";

/** The patched document (RFC 7396 §2). `target` is consumed; `patch` stays as it is. */
export function mergeJson(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return copyJson(patch);
  const result: JsonObject = isJsonObject(target) ? target : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergeJson(memberOf(result, key), value);
  }
  return result;
}
