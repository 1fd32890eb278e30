// Desynchronisation attacks as they were published, each as one connection's bytes against a whole session: classic
// CL.TE and TE.CL, obfuscated codings, chunk extensions and terminators, trailers, Expect, CL.0, hop-by-hop games, request
// lines, targets against Host, tunnels, and answers that split or overtake. What is refused reaches nobody; of what passes
// every request that an upstream can read was put before the rules, one by one.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connection } from "../../src/core/connection.ts";
import { openWire, type Wire } from "../support/wire.ts";

const host = "Host: x\r\n";
const coded = "Transfer-Encoding: chunked\r\n";
const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
const next = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
const get = (fields: string) => `GET / HTTP/1.1\r\n${host}${fields}\r\n`;
const post = (fields: string, body = "") => `POST / HTTP/1.1\r\n${host}${fields}\r\n${body}`;
const chunks = (body: string) => post(coded, body);
const line = (text: string) => `${text}\r\n${host}\r\n`;

interface Heard {
  readonly wire: Wire;
  /** Method and path of each request that was put before the rules. */
  readonly seen: readonly string[];
}

function listen(mode: Connection["mode"] = "transparent"): Heard {
  const seen: string[] = [];
  const decide = (method: string, path: string) => {
    seen.push(`${method} ${path}`);
    return null;
  };
  return { wire: openWire({ mode, decide }), seen };
}

/** [the attack, its bytes, the status by the book]: nothing of it may go upstream, whatever follows. */
const refusedHeads: readonly (readonly [string, string, number])[] = [
  ["CL.TE", post(`Content-Length: 6\r\n${coded}`, "0\r\n\r\nG"), 400],
  ["TE.CL", post(`${coded}Content-Length: 4\r\n`, `5c\r\n${hidden}\r\n0\r\n\r\n`), 400],
  ["CL 0 with TE", post(`Content-Length: 0\r\n${coded}`, "0\r\n\r\n"), 400],
  ["an empty TE with CL", post("Transfer-Encoding:\r\nContent-Length: 3\r\n", "abc"), 400],
  ["TE identity with CL", post("Transfer-Encoding: identity\r\nContent-Length: 3\r\n", "abc"), 400],
  ["TE identity alone", post("Transfer-Encoding: identity\r\n"), 501],
  ["TE twice", post(`${coded}${coded}`, "0\r\n\r\n"), 400],
  ["TE twice, the second unknown", post(`${coded}Transfer-Encoding: cow\r\n`, "0\r\n\r\n"), 400],
  ["TE on the next line", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400],
  ["TE behind a vertical tab", post("Transfer-Encoding:\x0bchunked\r\n", "0\r\n\r\n"), 400],
  ["TE behind a bare CR", post("Foo: bar\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
  ["TE behind a bare LF", post("Foo: bar\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
  ["TE with a tab before its colon", post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"), 400],
  ["TE in quotes", post('Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n"), 400],
  ["TE with a NUL", post("Transfer-Encoding: chunked\0\r\n", "0\r\n\r\n"), 400],
  ["TE with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), 400],
  ["CL behind a name with a space", post("Foo Content-Length: 5\r\n", "abcde"), 400],
  ["CL with a NUL in its name", post("Content\0-Length: 5\r\n", "abcde"), 400],
  ["CL in hexadecimal", post("Content-Length: 0x5\r\n", "abcde"), 400],
  ["CL that is empty", post("Content-Length: \r\n", "abcde"), 400],
  ["a form feed before a name", get("\x0cX: y\r\n"), 400],
  ["a line of one space in the head", get(" \r\n"), 400],
  ["a field line without a colon", get("GET /hidden HTTP/1.1\r\n"), 400],
  ["a tab behind the method", line("GET\t/ HTTP/1.1"), 400],
  ["a tab before the version", line("GET /\tHTTP/1.1"), 400],
  ["a vertical tab in the target", line("GET /\x0bx HTTP/1.1"), 400],
  ["two spaces behind the method", line("GET  / HTTP/1.1"), 400],
  ["a space behind the version", line("GET / HTTP/1.1 "), 400],
  ["two CRs behind the version", line("GET / HTTP/1.1\r"), 400],
  ["two requests in one line", line("GET / HTTP/1.1 GET /hidden HTTP/1.1"), 400],
  ["HTTP/0.9", "GET /\r\n", 400],
  ["HTTP/1.10", line("GET / HTTP/1.10"), 400],
  ["HTTP/1.2", line("GET / HTTP/1.2"), 505],
  ["http in small letters", line("GET / http/1.1"), 400],
  ["a bare LF before the request", `\n${get("")}`, 400],
  ["octets above ASCII in the target", line("GET /\xff HTTP/1.1"), 400],
  ["a target with user information", line("GET http://x@other/ HTTP/1.1"), 400],
  ["a target without a slash", line("GET hidden HTTP/1.1"), 400],
  ["a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["a Host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400],
  ["a second Host, folded away", "GET / HTTP/1.1\r\nHost: a\r\n Host: b\r\n\r\n", 400],
  ["a Host behind a space", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ["CONNECT with a length", `CONNECT x:80 HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`, 400],
  ["CONNECT with chunks", `CONNECT x:80 HTTP/1.1\r\n${host}${coded}\r\n0\r\n\r\n`, 400],
  ["CONNECT to a path", line("CONNECT /hidden HTTP/1.1"), 400],
];

for (const [attack, bytes, status] of refusedHeads) {
  test(`desync: ${attack} is refused`, () => {
    for (const mode of ["transparent", "fixed", "proxy"] as const) {
      const { wire, seen } = listen(mode);
      wire.fromDownstream(Buffer.from(bytes + hidden, "latin1"));
      assert.match(wire.toDownstream, new RegExp(`^HTTP/1\\.1 ${status} `), mode);
      assert.deepEqual([wire.toUpstream, seen, wire.downstreamEnd], ["", [], "fin"], mode);
    }
  });
}

/** Bodies whose end readers see in different places: cut off where they go wrong, and the upstream is reset. */
const refusedBodies: readonly (readonly [string, string])[] = [
  ["LF in a chunk extension (TERM.EXT)", `2;\nxx\r\nab\r\n0\r\n\r\n${hidden}`],
  ["LF behind a size (EXT.TERM)", `2\nab\r\n0\r\n\r\n${hidden}`],
  ["CR in a chunk extension", `2;a\rb\r\nab\r\n0\r\n\r\n${hidden}`],
  ["CRLF in a quoted extension", `2;a="\r\n"\r\nab\r\n0\r\n\r\n${hidden}`],
  ["a quote that is not closed", `2;a="b\r\nab\r\n0\r\n\r\n${hidden}`],
  ["NUL in a chunk extension", `2;a\0\r\nab\r\n0\r\n\r\n${hidden}`],
  ["a chunk that spills over (SPILL)", `2\r\nabXX\r\n0\r\n\r\n${hidden}`],
  ["LF behind a chunk's data", `2\r\nab\n0\r\n\r\n${hidden}`],
  ["CR behind a chunk's data", `2\r\nab\r0\r\n\r\n${hidden}`],
  ["nothing behind a chunk's data", `2\r\nab0\r\n\r\n${hidden}`],
  ["LF behind the last size", `0\n\r\n${hidden}`],
  ["LF at the very end", `0\r\n\n${hidden}`],
  ["LF behind a trailer", `0\r\nX: y\n\r\n${hidden}`],
  ["a request among the trailers", `0\r\n${hidden}`],
  ["a length among the trailers", `0\r\nContent-Length: 50\r\n\r\n${hidden}`],
  ["a coding among the trailers", `0\r\n${coded}\r\n${hidden}`],
  ["a Host among the trailers", `0\r\nHost: y\r\n\r\n${hidden}`],
  ["a size behind white space", `2 \r\nab\r\n0\r\n\r\n${hidden}`],
  ["a size with an underscore", `1_0\r\nab\r\n0\r\n\r\n${hidden}`],
  ["a size that wraps at 2^64", `10000000000000002\r\nab\r\n0\r\n\r\n${hidden}`],
  ["a size that is negative", `-2\r\nab\r\n0\r\n\r\n${hidden}`],
];

for (const [attack, body] of refusedBodies) {
  test(`desync: ${attack} is refused`, () => {
    for (const mode of ["transparent", "fixed"] as const) {
      const { wire, seen } = listen(mode);
      wire.fromDownstream(Buffer.from(chunks(body), "latin1"));
      assert.match(wire.toDownstream, /^HTTP\/1\.1 400 /, mode);
      assert.ok(!wire.toUpstream.includes("/hidden"), wire.toUpstream);
      assert.deepEqual([seen, wire.upstreamEnd, wire.downstreamEnd], [["POST /"], "rst", "fin"], mode);
    }
  });
}

/** Legal, though often misread: the same bytes go on, and the rules see exactly these requests. */
const read: readonly (readonly [string, string, readonly string[]])[] = [
  ["CL.0: a request as a body by length", post(`Content-Length: ${hidden.length}\r\n`, hidden), ["POST /"]],
  [
    "a request as the data of a chunk",
    chunks(`${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`),
    ["POST /"],
  ],
  ["a request as the body of GET", get(`Content-Length: ${hidden.length}\r\n`) + hidden, ["GET /"]],
  ["HEAD with a body", `HEAD / HTTP/1.1\r\n${host}Content-Length: 3\r\n\r\nabc`, ["HEAD /"]],
  [
    "Expect that is disguised (0.CL)",
    post("Expect: y 100-continue\r\nContent-Length: 3\r\n", "abc"),
    ["POST /"],
  ],
  ["Expect twice", post("Expect: 100-continue\r\nExpect: x\r\nContent-Length: 3\r\n", "abc"), ["POST /"]],
  ["Expect without a body", get("Expect: 100-continue\r\n"), ["GET /"]],
  [
    "Connection names Content-Length",
    post("Connection: Content-Length\r\nContent-Length: 3\r\n", "abc"),
    ["POST /"],
  ],
  [
    "Connection names Transfer-Encoding",
    post(`Connection: Transfer-Encoding\r\n${coded}`, "0\r\n\r\n"),
    ["POST /"],
  ],
  ["TE is no Transfer-Encoding", post("TE: chunked\r\nContent-Length: 3\r\n", "abc"), ["POST /"]],
  ["a target that contradicts Host", "GET http://other/a HTTP/1.1\r\nHost: x\r\n\r\n", ["GET /a"]],
  ["empty lines before the request", `\r\n\r\n${get("")}`, ["GET /"]],
  ["an extension with everything legal", chunks('2;a=b;c="d\\"\t";e\r\nab\r\n0;f\r\n\r\n'), ["POST /"]],
  ["a last size of many zeros", chunks("000\r\n\r\n"), ["POST /"]],
];

for (const [attack, bytes, requests] of read) {
  test(`desync: ${attack}: relayed as it is, and the next request is seen`, () => {
    for (const mode of ["transparent", "fixed"] as const) {
      for (let cut = 1; cut < bytes.length; cut++) {
        const { wire, seen } = listen(mode);
        wire.fromDownstream(bytes.slice(0, cut));
        wire.fromDownstream(bytes.slice(cut) + next);
        assert.deepEqual(seen, [...requests, "GET /next"], `${mode}, cut at ${cut}`);
        assert.equal(wire.toUpstream, bytes + next);
        assert.equal(wire.toDownstream, "");
      }
    }
  });
}

const upgrade = get("Connection: Upgrade\r\nUpgrade: websocket\r\n");
const connect = `CONNECT x:80 HTTP/1.1\r\n${host}\r\n`;

for (const [asked, refusal] of [
  [upgrade, "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"],
  [upgrade, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
  [connect, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"],
] as const) {
  test(`desync: ${asked.slice(0, 7)} that is answered ${refusal.slice(9, 12)} opens no tunnel for what was sent behind it`, () => {
    const { wire, seen } = listen();
    wire.fromDownstream(asked + hidden);
    assert.equal(wire.toUpstream, asked, "held until it is known what it is");
    wire.fromUpstream(refusal);
    assert.equal(seen.at(-1), "GET /hidden");
    assert.equal(wire.toUpstream, asked + hidden);
  });
}

const answered = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

/** [what the upstream answers to one request, a method]: nothing of `poison` may reach the client as a response. */
const answers: readonly (readonly [string, string, string])[] = [
  ["a second response", `${answered}${poison}`, "GET"],
  [
    "a body behind 204",
    `HTTP/1.1 204 No Content\r\nContent-Length: ${poison.length}\r\n\r\n${poison}`,
    "GET",
  ],
  [
    "a body behind 304",
    `HTTP/1.1 304 Not Modified\r\nContent-Length: ${poison.length}\r\n\r\n${poison}`,
    "GET",
  ],
  ["a body behind HEAD", `HTTP/1.1 200 OK\r\nContent-Length: ${poison.length}\r\n\r\n${poison}`, "HEAD"],
  ["101 to HTTP that asked for none", `HTTP/1.1 101 Switching Protocols\r\n\r\n${poison}`, "GET"],
  ["LF in a chunk extension", `HTTP/1.1 200 OK\r\n${coded}\r\n2;\nx\r\nab\r\n0\r\n\r\n${poison}`, "GET"],
  ["LF behind a chunk's data", `HTTP/1.1 200 OK\r\n${coded}\r\n2\r\nab\n0\r\n\r\n${poison}`, "GET"],
  [
    "a length among the trailers",
    `HTTP/1.1 200 OK\r\n${coded}\r\n0\r\nContent-Length: 9\r\n\r\n${poison}`,
    "GET",
  ],
  ["a coding in HTTP/1.0", `HTTP/1.0 200 OK\r\n${coded}\r\n0\r\n\r\n${poison}`, "GET"],
  ["a field split by a bare LF", `HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\r\n\r\n${poison}`, "GET"],
];

for (const [attack, bytes, method] of answers) {
  test(`desync: answered with ${attack}: the client reads no more than its response`, () => {
    const { wire } = listen();
    wire.fromDownstream(`${method} / HTTP/1.1\r\n${host}\r\n`);
    wire.fromUpstream(bytes);
    assert.ok(!wire.toDownstream.includes("poison"), wire.toDownstream);
    assert.notEqual(wire.downstreamEnd, "open");
    assert.notEqual(wire.upstreamEnd, "open");
  });
}

test("desync: a response that comes before its request is not kept for the next one", () => {
  const { wire } = listen();
  wire.fromDownstream(get(""));
  wire.fromUpstream(answered);
  assert.equal(wire.toDownstream, answered);
  wire.fromUpstream(poison);
  wire.fromDownstream(next);
  assert.ok(!wire.toDownstream.includes("poison"));
  assert.notEqual(wire.downstreamEnd, "open");
});

test("desync: to a proxy the target wins over Host, and the upstream hears one of them alone", () => {
  const { wire } = listen("proxy");
  wire.fromDownstream("GET http://other/a HTTP/1.1\r\nHost: x\r\nConnection: Host\r\n\r\n");
  assert.equal(wire.toUpstream, "GET /a HTTP/1.1\r\nHost: other\r\nConnection: Host\r\n\r\n");
});
