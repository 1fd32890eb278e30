// Frames that break RFC 6455 or RFC 7692, by section, for whoever must refuse them; and where streams are cut in tests.

import { closePayload, deflated, frame, masked } from "./websocket-frames.ts";

/** Writes frames of one side. */
export type Make = (options: Parameters<typeof frame>[0]) => Buffer;

/** All offsets of short streams; of long ones those around every beginning of a frame, and the ends. */
export function cuts(bytes: Buffer): number[] {
  if (bytes.length <= 400) return Array.from({ length: bytes.length + 1 }, (_, at) => at);
  const near = Array.from({ length: 24 }, (_, at) => at);
  return [...near, ...near.map((at) => bytes.length - at)];
}

/** Streams that are wrong, by section, and the code that the sender gets. */
export const hostile: readonly (readonly [
  section: string,
  code: number,
  stream: (make: Make) => Buffer[],
  extension?: string,
])[] = [
  [
    "5.1 masking the wrong way round",
    1002,
    (make) => [make === masked ? frame({ payload: "a" }) : masked({ payload: "a" })],
  ],
  ...[1, 2, 4].map(
    (rsv) => [`5.2 reserved bit ${rsv}`, 1002, (make: Make) => [make({ rsv, payload: "a" })]] as const,
  ),
  ...[3, 7, 11, 15].map(
    (opcode) => [`5.2 reserved opcode ${opcode}`, 1002, (make: Make) => [make({ opcode })]] as const,
  ),
  ["5.2 a length of 125 in two bytes", 1002, (make) => [make({ payload: "x".repeat(125), lengthBytes: 2 })]],
  [
    "5.2 a length of 65535 in eight bytes",
    1002,
    (make) => [make({ payload: "x".repeat(65_535), lengthBytes: 8 }).subarray(0, 60)],
  ],
  [
    "5.2 a length whose most significant bit is set",
    1002,
    (make) => {
      const bytes = make({ payload: "x".repeat(126), lengthBytes: 8 });
      bytes[2] = 0x80;
      return [bytes];
    },
  ],
  ["5.4 a continuation of nothing", 1002, (make) => [make({ opcode: 0, payload: "a" })]],
  [
    "5.4 a new message inside another",
    1002,
    (make) => [make({ fin: false, payload: "a" }), make({ payload: "b" })],
  ],
  ["5.5 a fragmented ping", 1002, (make) => [make({ opcode: 9, fin: false })]],
  ["5.5 a ping of 126 bytes", 1002, (make) => [make({ opcode: 9, payload: "p".repeat(126) })]],
  ["5.5.1 a close code of one byte", 1002, (make) => [make({ opcode: 8, payload: "a" })]],
  [
    "5.5.1 a close reason that is not UTF-8",
    1007,
    (make) => [make({ opcode: 8, payload: closePayload(1000, Buffer.from([0xff])) })],
  ],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(
    (code) =>
      [
        `7.4 the close code ${code}`,
        1002,
        (make: Make) => [make({ opcode: 8, payload: closePayload(code) })],
      ] as const,
  ),
  ["8.1 text that is not UTF-8", 1007, (make) => [make({ payload: Buffer.from([0x66, 0xc3, 0x28]) })]],
  ["8.1 a surrogate in text", 1007, (make) => [make({ payload: Buffer.from([0xed, 0xa0, 0x80]) })]],
  [
    "8.1 text that ends inside a character",
    1007,
    (make) => [make({ fin: false, payload: "a" }), make({ opcode: 0, payload: Buffer.from([0xe2, 0x82]) })],
  ],
  ["7692 6 RSV1 where nothing was agreed on", 1002, (make) => [make({ rsv: 4, payload: deflated("a") })]],
  [
    "7692 6.1 RSV1 on a continuation",
    1002,
    (make) => [make({ rsv: 4, fin: false, payload: deflated("a") }), make({ opcode: 0, rsv: 4 })],
    "permessage-deflate",
  ],
  ["7692 6.1 RSV1 on a control frame", 1002, (make) => [make({ rsv: 4, opcode: 9 })], "permessage-deflate"],
  [
    "7692 7.2.2 what cannot be inflated",
    1007,
    (make) => [make({ rsv: 4, payload: Buffer.from("ffffffff", "hex") })],
    "permessage-deflate",
  ],
  [
    "7692 7.2.2 compressed text that is not UTF-8",
    1007,
    (make) => [make({ rsv: 4, payload: Buffer.from("0002 00fdff c328 00".replaceAll(" ", ""), "hex") })],
    "permessage-deflate",
  ],
];
