// The record of one stream.

import type { Connection } from "../../../core/connection.ts";
import type { RequestHead } from "../../../core/exchange.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { MessageCounts } from "../../../core/tap.ts";
import { CallRecord } from "../call-record.ts";

export class Http2Call extends CallRecord {
  messages?: MessageCounts;
  /** Asked at the end, where it is a WebSocket. */
  countMessages: (() => MessageCounts | null) | null = null;

  constructor(connection: Connection, head: RequestHead, traffic: Traffic, startedAt: number) {
    super("http/2", connection, head, traffic, startedAt);
  }

  protected override ends(): void {
    const messages = this.countMessages?.();
    if (messages) this.messages = messages;
    this.countMessages = null;
  }
}
