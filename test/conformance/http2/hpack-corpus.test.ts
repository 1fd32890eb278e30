// HPACK against nghttp2's own encoder and decoder: recorded header lists with the blocks that it wrote for them (Huffman,
// indexed, never indexed, table sizes that change) decode to the same lists, and what we write it reads back.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { headerFrames } from "../../../src/proxy/lanes/http2/frames.ts";
import { HpackDecoder } from "../../../src/proxy/lanes/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../src/proxy/lanes/http2/hpack/encoder.ts";
import type { HeaderBlock } from "../../../src/proxy/lanes/http2/hpack/header-block.ts";
import { hello } from "../../proxy/lanes/http2/raw-peer.ts";
import { connectTo } from "../../support/rig.ts";

type List = readonly (readonly [string, string])[];

interface Story {
  readonly blocks: readonly {
    /** What SETTINGS allow from this block on. */
    readonly table?: number;
    /** Hexadecimal. */
    readonly wire: string;
    readonly list: List;
  }[];
}

const file = new URL("./hpack-corpus.json", import.meta.url);
const { stories } = JSON.parse(readFileSync(file, "utf8")) as { readonly stories: readonly Story[] };

/** Calls `each` with every block of a story, decoded in its order. */
async function tell(
  { blocks }: Story,
  each: (block: HeaderBlock, list: List, at: number) => void | Promise<void>,
): Promise<void> {
  const decoder = new HpackDecoder({ maxListBytes: 100_000, maxFields: 100 });
  for (const [at, { table, wire, list }] of blocks.entries()) {
    if (table !== undefined) decoder.allowTable(table);
    const bytes = Buffer.from(wire, "hex");
    const block = decoder.decode(bytes, 0, bytes.length);
    if ("flaw" in block) throw new Error(`block ${at}: ${block.flaw}`);
    await each(block, list, at);
  }
}

const pairs = ({ fields }: HeaderBlock) => fields.map(({ name, value }) => [name, value]);

describe("HPACK corpus of nghttp2", () => {
  for (const [index, story] of stories.entries()) {
    const sizes = story.blocks.flatMap(({ table }) => table ?? []).join(", ");
    test(`story ${index}, table sizes ${sizes}: each block decodes to its list`, () =>
      tell(story, (block, list, at) => assert.deepEqual(pairs(block), list, `block ${at}`)));

    test(`story ${index}, table sizes ${sizes}: nghttp2 reads what we write of it`, async () => {
      const server = createServer();
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const socket = await connectTo({ host: "127.0.0.1", port });
      socket.resume();
      socket.write(hello);
      const encoder = new HpackEncoder();
      await tell(story, async (block, list, at) => {
        const arrived = once(server, "stream");
        socket.write(headerFrames(at * 2 + 1, 1, encoder.encode(block)));
        const [stream, , , raw] = (await arrived) as [ServerHttp2Stream, unknown, unknown, string[]];
        assert.deepEqual(raw, list.flat(), `block ${at}`);
        stream.respond({}, { endStream: true });
      });
      socket.destroy();
      server.close();
    });
  }
});
