// The messages of the membership protocol: their type bytes and structs, with the peers' exact field names.

import { bytes, bytesOrNil, flag, optional, text, uint8, uint16, uint32, uint53 } from "./fields.ts";
import { type StructOf, struct } from "./struct.ts";

/** First byte of a message. */
export const messageType = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  crc: 12,
  error: 13,
  label: 244,
} as const;

const source = {
  SourceAddr: optional(bytes),
  SourcePort: optional(uint16),
  SourceNode: optional(text),
};

/** Source*: where to answer; left out by old peers. */
export const pingStruct = struct({ SeqNo: uint32, Node: text, ...source });
export type Ping = StructOf<typeof pingStruct>;

/** Asks a third member to ping Node at Target:Port; Nack: and to say so when no ack came in time. */
export const indirectPingStruct = struct({
  SeqNo: uint32,
  Target: bytes,
  Port: uint16,
  Node: text,
  Nack: flag,
  ...source,
});
export type IndirectPing = StructOf<typeof indirectPingStruct>;

export const ackStruct = struct({ SeqNo: uint32, Payload: bytesOrNil });
export type Ack = StructOf<typeof ackStruct>;

export const nackStruct = struct({ SeqNo: uint32 });
export const errorStruct = struct({ Error: text });

/** For suspect and dead. A dead message whose From is Node itself says that it left. */
export const accusationStruct = struct({ Incarnation: uint32, Node: text, From: text });
export type Accusation = StructOf<typeof accusationStruct>;

/** Addr: 4 or 16 bytes. Meta: 512 bytes at most. Vsn: see versions.ts. */
export const aliveStruct = struct({
  Incarnation: uint32,
  Node: text,
  Addr: bytes,
  Port: uint16,
  Meta: bytes,
  Vsn: bytes,
});
export type Alive = StructOf<typeof aliveStruct>;

export const pushPullHeaderStruct = struct({ Nodes: uint53, UserStateLen: uint53, Join: flag });
export type PushPullHeader = StructOf<typeof pushPullHeaderStruct>;

/** State: 0 alive, 1 suspect, 2 dead, 3 left. */
export const nodeStateStruct = struct({
  Name: text,
  Addr: bytes,
  Port: uint16,
  Meta: bytes,
  Incarnation: uint32,
  State: uint8,
  Vsn: bytes,
});
export type NodeState = StructOf<typeof nodeStateStruct>;

/** Algo 0 is LZW, the only one. */
export const compressStruct = struct({ Algo: uint8, Buf: bytes });

/** What precedes a user message on a stream. */
export const userHeaderStruct = struct({ UserMsgLen: uint53 });
