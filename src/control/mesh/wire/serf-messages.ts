// Serf's messages, which travel as user messages of the layer below: a type byte of their own, then a struct.

import { bytes, flag, int53, list, mapOf, nested, text, uint8, uint16, uint32, uint53 } from "./fields.ts";
import { messageType } from "./messages.ts";
import { type Struct, type StructOf, struct } from "./struct.ts";

/** First byte of a user message's body. */
export const serfType = {
  leave: 0,
  join: 1,
  pushPull: 2,
  userEvent: 3,
  query: 4,
  queryResponse: 5,
  conflictResponse: 6,
  keyRequest: 7,
  keyResponse: 8,
  relay: 9,
  /** Of ours: a request to one member over a stream, and its answer. Agents of other makes hang up. */
  fetch: 117,
  fetched: 118,
} as const;

/** What peers accept at most, in entries: bounds on what one message makes us hold. */
const maxNames = 65_536;
const maxEventSlots = 4_096;
const maxEventsPerTime = 256;
const maxFilters = 64;
const maxKeys = 64;

export const joinIntentStruct = struct({ LTime: uint53, Node: text });
/** Prune: forget the member at once. */
export const leaveIntentStruct = struct({ LTime: uint53, Node: text, Prune: flag });
/** CC: receivers may drop it where a newer event of that name came before it was delivered. */
export const userEventStruct = struct({ LTime: uint53, Name: text, Payload: bytes, CC: flag });
export type UserEventMessage = StructOf<typeof userEventStruct>;

const pastEventStruct = struct({ Name: text, Payload: bytes });
export const pastEventsStruct = struct({
  LTime: uint53,
  Events: list(nested(pastEventStruct), maxEventsPerTime),
});

/** The user state of a push-pull. StatusLTimes: when each member's status last changed. */
export const serfStateStruct = struct({
  LTime: uint53,
  StatusLTimes: mapOf(uint53, maxNames),
  LeftMembers: list(text, maxNames),
  EventLTime: uint53,
  Events: list(nested(pastEventsStruct), maxEventSlots),
  QueryLTime: uint53,
});
export type SerfState = StructOf<typeof serfStateStruct>;

/** Flags of queries and of their responses. */
export const queryFlag = { ackWanted: 1, noRebroadcast: 2 } as const;
export const responseFlag = { ack: 1 } as const;

/** Timeout in nanoseconds, as Go counts. Responses go to Addr:Port. */
export const queryStruct = struct({
  LTime: uint53,
  ID: uint32,
  Addr: bytes,
  Port: uint16,
  SourceNode: text,
  Filters: list(bytes, maxFilters),
  Flags: uint32,
  RelayFactor: uint8,
  Timeout: int53,
  Name: text,
  Payload: bytes,
});
export type QueryMessage = StructOf<typeof queryStruct>;

export const queryResponseStruct = struct({
  LTime: uint53,
  ID: uint32,
  From: text,
  Flags: uint32,
  Payload: bytes,
});
export type QueryResponseMessage = StructOf<typeof queryResponseStruct>;

export const keyRequestStruct = struct({ Key: bytes });
/** Keys and PrimaryKey in base64. */
export const keyResponseStruct = struct({
  Result: flag,
  Message: text,
  Keys: list(text, maxKeys),
  PrimaryKey: text,
});

/** Nonce: comes back with the answer, which belongs to this request then, and was not recorded at another one. */
export const fetchStruct = struct({ From: text, Name: text, Nonce: bytes, Payload: bytes });
/** Found: whether there is an answer at all. */
export const fetchedStruct = struct({ Found: flag, Nonce: bytes, Payload: bytes });

const relayAddressStruct = struct({ IP: bytes, Port: uint16, Zone: text });
/** Precedes a message that is to be handed on to DestAddr. */
export const relayHeaderStruct = struct({ DestAddr: nested(relayAddressStruct), DestName: text });

/** The tags of a member, as its meta holds them after the marker byte. */
export const tagsField = mapOf(text, 64);

/** A whole user message: type byte of the layer below, Serf's type byte, the struct. */
export function userMessage<T>(type: number, coded: Struct<T>, value: Readonly<T>): Buffer {
  return Buffer.concat([Buffer.of(messageType.user), coded.message(type, value)]);
}
