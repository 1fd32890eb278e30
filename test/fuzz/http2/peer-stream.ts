// One stream as one of its two ends has it: what was sent, what came, and what may still.

import type { Fields } from "./hpack-writer.ts";

export class PeerStream {
  readonly id: number;
  /** The same at both ends, whatever the id. */
  readonly key: string;
  readonly path: string;
  readonly sent: Buffer[] = [];
  readonly got: Buffer[] = [];
  sentHead: Fields | null = null;
  gotHead: Fields | null = null;
  sentTrailers: Fields | null = null;
  gotTrailers: Fields | null = null;
  sentEnd = false;
  gotEnd = false;
  reset: { readonly byUs: boolean; readonly code: number } | null = null;
  sendWindow: number;
  receiveWindow: number;
  /** By how much SETTINGS have ever lowered `receiveWindow`: what was on its way may exceed it by so much. */
  lowered = 0;

  constructor(id: number, key: string, path: string, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.key = key;
    this.path = path;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  get isOver(): boolean {
    return this.reset !== null || (this.sentEnd && this.gotEnd);
  }

  get upTo(): Buffer {
    return Buffer.concat(this.got);
  }

  get wrote(): Buffer {
    return Buffer.concat(this.sent);
  }
}
