// Which calls a rule claims: the keys of one item of `matches`, joined by AND.

import * as z from "zod";
import type { TextMatch } from "../../../core/rule.ts";
import { body } from "./body.ts";
import { destination } from "./destination.ts";
import { checkGraphqlSelection, graphqlMatch } from "./graphql.ts";
import { checkGrpcSelection, gatherGrpc, grpcSelection } from "./grpc.ts";
import { headerMatches, headerName, nameMatches } from "./header.ts";
import { across, type Complain, mapping, notYet, type Written } from "./mapping.ts";
import { pathMatch, text, textMatch } from "./text.ts";
import { webSocketMatch } from "./websocket.ts";

const standardMethods = new Set(
  ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"].map((m) =>
    m.toLowerCase(),
  ),
);

/** Methods compare with case (RFC 9110 §9.1): `post` would silently never match. */
const method = textMatch.superRefine((match: TextMatch, context) => {
  if (match.op === "exact" && standardMethods.has(match.value))
    context.addIssue({
      code: "custom",
      message: `expected ${match.value.toUpperCase()} (case counts), got "${match.value}"`,
    });
});

const shape = {
  host: textMatch
    .exactOptional()
    .describe("Host of the request, without case; a port counts only where it is written."),
  destination: destination
    .exactOptional()
    .describe("Where the client dialled: 10.1.2.3:443, 10.0.0.0/8, :5432, [::1]:80, db.local:5432."),
  direction: z
    .enum(["inbound", "outbound"], "inbound or outbound")
    .exactOptional()
    .describe("Seen from the service: inbound calls reach it, outbound calls leave it. Both where left out."),
  method: method.exactOptional().describe("Method of the request, in capitals."),
  path: pathMatch.exactOptional().describe("Path of the request without its query."),
  query: nameMatches("query fields", text("the name of a query field"))
    .exactOptional()
    .describe("Fields of the query, by name, after percent-decoding."),
  headers: headerMatches.exactOptional().describe("Headers of the request, by name without case."),
  cookies: nameMatches("cookies", headerName).exactOptional().describe("Cookies of the request, by name."),
  body: body.exactOptional().describe("Body of the request: one operator; a list means all of them."),
  expr: text("a CEL expression")
    .exactOptional()
    .describe("A CEL expression over request and connection that yields true or false."),
  websocket: webSocketMatch.exactOptional().describe("The request asks for a WebSocket; {} for any."),
  message: body.exactOptional().describe("Content of a message on that WebSocket: body operators."),
};

/** What is asked for with certain methods alone: with another the rule would silently never match. */
const methodsOf = {
  websocket: { allowed: ["GET", "CONNECT"], what: "a WebSocket is asked for with" },
  graphql: { allowed: ["GET", "POST", "CONNECT"], what: "GraphQL is spoken with" },
  grpc: { allowed: ["POST", "GET"], what: "gRPC is spoken with" },
} as const;

function checkMethod(written: Written, complain: Complain): void {
  const match = written.method as TextMatch | undefined; // or what stood there, where that was wrong
  if (match?.op !== "exact" || standardMethods.has(match.value)) return;
  for (const [key, { allowed, what }] of Object.entries(methodsOf)) {
    if (!(key in written) || (allowed as readonly string[]).includes(match.value)) continue;
    complain(`expected ${allowed.join(" or ")}, since ${what} nothing else, got "${match.value}"`, "method");
  }
}

/** One item of `matches`. */
export const selection = across(
  mapping("a mapping of keys such as host, method, path", {
    ...shape,
    graphql: graphqlMatch.exactOptional().describe("GraphQL operations; {} for all of them."),
    variables: body.exactOptional().describe("Beside graphql: operators on the variables, as JSON."),
    ...grpcSelection,
    ...notYet("source"),
  }),
  (written, complain, lacks) => {
    checkGraphqlSelection(written, complain);
    checkGrpcSelection(written, complain);
    if ("grpc" in written && "websocket" in written)
      complain("expected either grpc or websocket, got both: no call is one and the other", "grpc");
    if ("body" in written && "websocket" in written)
      complain("a request for a WebSocket has none: message is for what its messages say", "body");
    checkMethod(written, complain);
    if (Object.keys(written).length === 0)
      lacks(`expected at least one key (leave "matches" out to claim every call), got {}`);
  },
).transform(({ graphql, variables, grpc, message, metadata, websocket, ...http }) => {
  const queried =
    graphql === undefined
      ? {}
      : { graphql: { ...graphql, ...(variables === undefined ? {} : { variables }) } };
  if (websocket !== undefined)
    return {
      ...http,
      ...queried,
      websocket: message === undefined ? websocket : { ...websocket, message },
    };
  return {
    ...http,
    ...queried,
    ...gatherGrpc({
      ...(grpc === undefined ? {} : { grpc }),
      ...(message === undefined ? {} : { message }),
      ...(metadata === undefined ? {} : { metadata }),
    }),
  };
});
