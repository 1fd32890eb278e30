// Against nghttp2: what it sends arrives on the other side as it would have without us. Its client is run directly and through
// us, in front of a peer of raw frames; and random header lists go between two of its sessions (those of node:http2).

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
  sensitiveHeaders,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { HostPort } from "../../../src/core/address.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { flags, frame, frameTypes, headerFrames, preface } from "../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import { RawPeer, serverHello } from "../../proxy/lanes/http2/raw-peer.ts";
import { openRig, openServer } from "../../support/rig.ts";
import { replyWith } from "../../support/rule-spec.ts";

const hasNghttp = spawnSync("nghttp", ["--version"]).status === 0;
const skip = hasNghttp ? false : "skipped: needs nghttp (scripts/components.sh)";
const rules = [
  { name: "m", matches: [{ path: { op: "exact", value: "/mocked" } as const }], respond: replyWith("hi") },
];
const upload = fileURLToPath(import.meta.url);

interface Seen {
  readonly fields: readonly (readonly [string, string])[];
  readonly data: string;
}

/** Answers each request when it is complete, and keeps what it saw, by stream. */
function recorder(seen: Map<string, Seen>) {
  return openServer((socket) => {
    const peer = new RawPeer(socket, preface.length);
    const heads = new Map<number, [string, string][]>();
    const bodies = new Map<number, Buffer[]>();
    let at = 0;
    socket.write(serverHello);
    socket.on("data", () => {
      for (const { type, flags: bits, stream, payload } of peer.frames.slice(at)) {
        if (type === frameTypes.headers) {
          const from = (bits & flags.priority) !== 0 ? 5 : 0;
          heads.set(stream, peer.fields(payload.subarray(from)));
        }
        if (type === frameTypes.data) bodies.set(stream, [...(bodies.get(stream) ?? []), payload]);
        if (type === frameTypes.ping && (bits & flags.ack) === 0)
          socket.write(frame(frameTypes.ping, flags.ack, 0, payload));
        if (type > 1 || (bits & flags.endStream) === 0) continue;
        const fields = heads.get(stream) ?? [];
        const path = fields.find(([name]) => name === ":path")?.[1] ?? "";
        seen.set(path, { fields, data: Buffer.concat(bodies.get(stream) ?? []).toString("base64") });
        const block = encodeLiterals([
          [":status", "200"],
          ["x-path", path],
          ["x-twice", "1"],
          ["x-twice", "2"],
        ]);
        const body = Buffer.from(`body of ${path}`);
        socket.write(headerFrames(stream, 0, block));
        socket.write(frame(frameTypes.data, 0, stream, body));
        socket.write(headerFrames(stream, flags.endStream, encodeLiterals([["x-end", path]])));
      }
      at = peer.frames.length;
    });
    socket.on("end", () => socket.end());
  });
}

/** What nghttp says that it received, by stream, without times and in the order of streams. */
async function ask({ host, port }: HostPort, paths: readonly string[]): Promise<readonly string[]> {
  const urls = paths.map((path) => `http://${host}:${port}${path}`);
  const common = [
    "-v",
    "-n",
    "--no-dep",
    "-H",
    ":authority: shop.test",
    "-H",
    "x-a: 1",
    "-H",
    "x-a: 2",
    "-H",
    "cookie: a=b; c=d",
  ];
  const { stdout } = await promisify(execFile)("nghttp", [...common, "-d", upload, ...urls], {
    timeout: 10_000,
  });
  return stdout
    .split("\n")
    .filter((line) => /recv \(stream_id=\d+\)/.test(line))
    .map((line) => line.replace(/^\[[^\]]*\] /, ""))
    .sort();
}

test("nghttp: requests and responses are the same with us in between", { skip }, async () => {
  const [direct, through] = [new Map<string, Seen>(), new Map<string, Seen>()];
  const paths = ["/one", "/two?q=1", "/three"];
  await using plain = await recorder(direct);
  await using behind = await recorder(through);
  await using rig = await openRig({ upstream: behind.address, rules });
  const [expected, got] = [await ask(plain.address, paths), await ask(rig.address, paths)];
  assert.ok(expected.length >= paths.length);
  assert.deepEqual(got, expected);
  assert.deepEqual([...through.keys()].sort(), [...paths].sort());
  for (const path of paths) assert.deepEqual(through.get(path), direct.get(path), path);
});

for (const tableBytes of [4_096, 0, 128, 65_536])
  test(`nghttp2 on both sides: random header lists arrive as they were, tables of ${tableBytes} octets`, async () => {
    const random = seededRandom(tableBytes + 7);
    const text = (most: number) =>
      Array.from({ length: 1 + (random.uint32() % most) }, () =>
        String.fromCharCode(0x21 + (random.uint32() % 0x5e)),
      ).join("");
    const names = Array.from({ length: 12 }, (_, i) => `x-${i}-${"n".repeat(random.uint32() % 30)}`);
    const list = (): Record<string, string | string[]> =>
      Object.fromEntries(
        Array.from({ length: random.uint32() % 8 }, () => [
          names[random.uint32() % names.length] ?? "x",
          random.uint32() % 3 === 0 ? "the same" : text(random.uint32() % 20 === 0 ? 6_000 : 40),
        ]),
      );
    const server = createServer({ settings: { headerTableSize: tableBytes } });
    const responses = Array.from({ length: 60 }, list);
    const asked: IncomingHttpHeaders[] = [];
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      asked[Number(headers[":path"]?.slice(1))] = headers;
      stream.respond({ ":status": 200, ...responses[Number(headers[":path"]?.slice(1))] }, {
        sendDate: false,
      } as never);
      stream.end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using rig = await openRig({ upstream: { host: "127.0.0.1", port }, rules });
    const client = connect(`http://127.0.0.1:${rig.address.port}`, {
      settings: { headerTableSize: tableBytes },
    });
    for (let i = 0; i < responses.length; i++) {
      const fields = list();
      const stream = client.request({ ":path": `/${i}`, ...fields, [sensitiveHeaders]: ["x-secret"] });
      const [head] = await once(stream, "response");
      stream.resume();
      await once(stream, "close");
      assert.partialDeepStrictEqual(asked[i], fields);
      assert.partialDeepStrictEqual(head, responses[i]);
      if (i % 5 === 0) {
        const mocked = client.request({ ":path": "/mocked", ...list() });
        mocked.resume();
        await once(mocked, "close");
      }
    }
    client.destroy();
    server.close();
  });
