// The requests that the generators send, and the bodies that the upstream answers with.

import type { HeaderList } from "../src/core/headers.ts";

export interface RequestShape {
  readonly path: string;
  /** Beside what the generator writes by itself (Host, unless given). */
  readonly headers: HeaderList;
  /** Left out: a GET. */
  readonly body?: string;
}

export const calledHost = "shop.bench";

export const tinyRequest: RequestShape = { path: "/small", headers: [["Host", calledHost]] };

/** As many bytes as a browser or a service client with tracing sends: the head is 625 bytes. */
export const realisticRequest: RequestShape = padded(
  {
    path: "/small?currency=eur&page=2&sort=price",
    headers: [
      ["Host", calledHost],
      ["User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"],
      ["Accept", "application/json, text/plain;q=0.9, */*;q=0.8"],
      ["Accept-Language", "en-GB,en;q=0.7,de;q=0.3"],
      ["Accept-Encoding", "gzip, deflate, br"],
      ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
      ["X-Request-Id", "7f9c24e8-3b12-4fef-91e0-df5a6a9b3c44"],
      ["Authorization", "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"],
    ],
  },
  625,
);

/** The client asks for the connection to end, so that every request brings a new one. */
export const closingRequest: RequestShape = {
  path: "/small",
  headers: [
    ["Host", calledHost],
    ["Connection", "close"],
  ],
};

/** A unary gRPC call as a client of it sends it: one message of 10 bytes behind its prefix. */
export const grpcRequest: RequestShape = {
  path: "/shop.Inventory/Check",
  headers: [
    ["Host", calledHost],
    ["Content-Type", "application/grpc"],
    ["TE", "trailers"],
    ["User-Agent", "grpc-node-js/1.14.0"],
    ["grpc-accept-encoding", "identity,deflate,gzip"],
  ],
  body: "\0\0\0\0\x0a\x0a\x08widget-1",
};
/** What the upstream answers: a message of 16 bytes; the status comes in trailers. */
export const grpcReply = "\0\0\0\0\x10\x0a\x0ewidget-1234567";

/** A WebSocket; the generator writes its own handshake. */
export const echoRequest: RequestShape = { path: "/echo", headers: [["Host", calledHost]] };

export const mockedRequest: RequestShape = { path: "/mocked", headers: [["Host", calledHost]] };
export const mockBody = '{"stock":0,"warehouse":"north"}';

export const megabyteRequest: RequestShape = { path: "/1mb.bin", headers: [["Host", calledHost]] };
export const hundredMegabyteRequest: RequestShape = { path: "/100mb.bin", headers: [["Host", calledHost]] };

/** Three levels of a mocked schema. */
export const graphqlQuery =
  "query Shop { users { id name plan friends { id name joined friends { id email } } } count }";
export const graphqlRequest: RequestShape = {
  path: "/graphql",
  headers: [
    ["Host", calledHost],
    ["Content-Type", "application/json"],
    ["Accept", "application/json"],
  ],
  body: JSON.stringify({ query: graphqlQuery }),
};

/** A POST that goes to the upstream. */
export const graphqlRelayed: RequestShape = {
  ...graphqlRequest,
  path: "/small",
  body: JSON.stringify({ query: graphqlQuery, operationName: "Shop", variables: { first: 10 } }),
};

/** A cookie fills the head up to `bytes`. */
function padded(request: RequestShape, bytes: number): RequestShape {
  const lines = [
    `GET ${request.path} HTTP/1.1`,
    ...request.headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const room =
    bytes - lines.join("\r\n").length - "\r\n".length - "Cookie: session=".length - "\r\n\r\n".length;
  return {
    ...request,
    headers: [...request.headers, ["Cookie", `session=${"0123456789abcdef".repeat(40).slice(0, room)}`]],
  };
}
