// The target of a GET whose GraphQL parameters have changed; all others keep their place.

import { bodyOfParams, type GraphqlParams } from "./params.ts";

const ours = new Set(["query", "operationName", "variables", "extensions"]);

/** `/graphql?key=1&query=…`: the other parameters as they were sent, then those of the operation. */
export function pathWith(path: string, params: GraphqlParams): string {
  const mark = path.indexOf("?");
  const query = mark === -1 ? "" : path.slice(mark + 1);
  const others = query.split("&").filter((part) => part !== "" && !ours.has(part.split("=", 1)[0] ?? ""));
  const own = Object.entries(bodyOfParams(params)).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `${name}=${encodeURIComponent(text)}`;
  });
  return `${mark === -1 ? path : path.slice(0, mark)}?${[...others, ...own].join("&")}`;
}
