// Legal HTTP/1 exchanges in which an intermediary could lose or change a byte. Each: the requests of one connection and
// the responses to them, as they stand on the wire.

export interface WireExchange {
  readonly name: string;
  readonly request: string;
  readonly response: string;
  /** The upstream ends the connection after the response: its FIN ends the body. */
  readonly untilClose?: boolean;
}

const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

export const exchanges: readonly WireExchange[] = [
  { name: "plain GET", request: get, response: ok },
  {
    name: "odd case, order and spacing of fields",
    request: "GET / HTTP/1.1\r\nX-B: 1\r\nhOsT:x\r\nx-b:\t 2 \t\r\nX-A:\r\n\r\n",
    response: "HTTP/1.1 200 \r\nSET-cookie: a=b\r\nSet-Cookie: c=d\r\ncOnTeNt-LeNgTh:  2  \r\n\r\nok",
  },
  {
    name: "obs-text in values and reason",
    request: "GET / HTTP/1.1\r\nHost: x\r\nX-N: caf\xe9\r\n\r\n",
    response: "HTTP/1.1 200 \xdcber\r\nX-N: \xff\r\nContent-Length: 2\r\n\r\nok",
  },
  {
    name: "body with length",
    request: "POST /u HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello\r\nGET ",
    response: ok,
  },
  {
    name: "empty body with length 0",
    request: "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    response: "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
  },
  {
    name: "chunked both ways, odd sizes, extensions, trailers",
    request:
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n" +
      '3;a=b;q="x;y"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX-T: 1\r\nx-u:2\r\n\r\n',
    response:
      "HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\n\r\n1\r\n\n\r\n5;x\r\n\r\n\r\nz\r\n000;last\r\nX-Sum: \xe9\r\n\r\n",
  },
  {
    name: "HEAD with a length but no body",
    request: "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
    response: "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n",
  },
  {
    name: "HEAD chunked without body",
    request: "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
    response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  },
  {
    name: "204",
    request: "DELETE /1 HTTP/1.1\r\nHost: x\r\n\r\n",
    response: "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
  },
  {
    name: "304 with a length",
    request: get,
    response: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\nETag: "a"\r\n\r\n',
  },
  {
    name: "103 and 100 before the final response",
    request: "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    response: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n${ok}`,
  },
  {
    name: "417 instead of 100",
    request: "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    response: "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n",
  },
  {
    name: "pipelined requests",
    request:
      get +
      "HEAD /2 HTTP/1.1\r\nHost: x\r\n\r\n" +
      "POST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi" +
      get,
    response:
      ok +
      "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" +
      ok +
      "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
  },
  {
    name: "HTTP/1.0 until close",
    request: "GET / HTTP/1.0\r\n\r\n",
    response: "HTTP/1.0 200 OK\r\nServer: old\r\n\r\neverything until the end\r\n\r\n",
    untilClose: true,
  },
  {
    name: "HTTP/1.1 until close",
    request: get,
    response: "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nno length",
    untilClose: true,
  },
  {
    name: "HTTP/1.0 keep-alive",
    request: "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    response: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
  },
  {
    name: "Connection: close",
    request: "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    response: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
  },
  {
    name: "OPTIONS *",
    request: "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    response: "HTTP/1.1 200 OK\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n",
  },
  {
    name: "absolute-form that was not meant for us",
    request: "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n",
    response: ok,
  },
  { name: "an empty line before the request", request: `\r\n${get}`, response: ok },
  {
    name: "an unknown method and a long path",
    request: `M-SEARCH /${"a%20b/".repeat(40)}?q=${"z".repeat(300)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    response: ok,
  },
  {
    name: "many fields",
    request: `GET / HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 60 }, (_, i) => `X-Field-${i}: ${"v".repeat(i)}\r\n`).join("")}\r\n`,
    response: `HTTP/1.1 200 OK\r\n${Array.from({ length: 60 }, (_, i) => `x-field-${i}:${"v".repeat(i)}\r\n`).join("")}Content-Length: 2\r\n\r\nok`,
  },
  {
    name: "a refused upgrade",
    request: "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    response: ok,
  },
  {
    name: "a response that looks like two",
    request: get,
    response: "HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  },
];
