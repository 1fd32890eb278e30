// The whole state of a member, as exchanged on a stream: a header, so many node states, the state of the layer above.
// Nothing says how long it is, so it is read as the bytes come, never from the start again.

import {
  messageType,
  type NodeState,
  nodeStateStruct,
  type PushPullHeader,
  pushPullHeaderStruct,
} from "./messages.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import { attempt, type FaultKind, WireFault } from "./wire-fault.ts";

export interface PushPull {
  /** Whether the sender is joining. */
  readonly join: boolean;
  readonly nodes: readonly NodeState[];
  /** Of the layer above; empty where there is none. */
  readonly userState: Buffer;
}

/** Members that a remote state may name. */
const maxNodes = 65_536;
const maxUserStateBytes = 8 * 1_024 * 1_024;

export function encodePushPull(state: PushPull): Buffer {
  const writer = new MsgpackWriter(64 + state.nodes.length * 160 + state.userState.length);
  writer.byte(messageType.pushPull);
  pushPullHeaderStruct.write(writer, {
    Nodes: state.nodes.length,
    UserStateLen: state.userState.length,
    Join: state.join,
  });
  for (const node of state.nodes) nodeStateStruct.write(writer, node);
  writer.verbatim(state.userState);
  return writer.take();
}

/** Reads one push-pull from bytes that arrive bit by bit. */
export class PushPullParser {
  readonly #nodes: NodeState[] = [];
  #header: PushPullHeader | null = null;
  /** Offset after the last complete struct; the type byte precedes all. */
  #at = 1;

  /** `bytes`: everything since the type byte, each time. The result holds no view into them. */
  parse(bytes: Buffer): PushPull | FaultKind {
    return attempt(() => this.#step(bytes));
  }

  #step(bytes: Buffer): PushPull {
    this.#header ??= this.#readHeader(bytes);
    const header = this.#header;
    while (this.#nodes.length < header.Nodes) {
      const reader = new MsgpackReader(bytes, this.#at);
      const node = nodeStateStruct.read(reader);
      this.#at = reader.offset;
      this.#nodes.push(owned(node));
    }
    if (bytes.length < this.#at + header.UserStateLen)
      throw new WireFault("incomplete", "the user state is cut");
    const userState = Buffer.from(bytes.subarray(this.#at, this.#at + header.UserStateLen));
    return { join: header.Join, nodes: this.#nodes, userState };
  }

  #readHeader(bytes: Buffer): PushPullHeader {
    const reader = new MsgpackReader(bytes, this.#at);
    const header = pushPullHeaderStruct.read(reader);
    if (header.Nodes > maxNodes) throw new WireFault("too-large", `expected at most ${maxNodes} nodes`);
    if (header.UserStateLen > maxUserStateBytes)
      throw new WireFault("too-large", "the user state is too large");
    this.#at = reader.offset;
    return header;
  }
}

function owned(node: NodeState): NodeState {
  return { ...node, Addr: Buffer.from(node.Addr), Meta: Buffer.from(node.Meta), Vsn: Buffer.from(node.Vsn) };
}
