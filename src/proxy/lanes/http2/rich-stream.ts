// One call on the rich link: what is still to be sent of its request, and its reply as it comes.

import type { Reply } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Flag } from "../../../core/tap.ts";
import { BodyPipe } from "../body-pipe.ts";
import { Outgoing } from "./send-queue.ts";

/** What one call wants to hear besides its reply. */
export interface RichCallEvents {
  interim(headers: HeaderList): void;
  failed(flag: Flag, detail: string): void;
}

/** Of the link, which alone changes it. */
export class RichStream {
  readonly out: Outgoing;
  readonly pipe: BodyPipe;
  readonly reply: Promise<Reply>;
  readonly events: RichCallEvents;
  resolve: (reply: Reply) => void = () => undefined;
  reject: (error: Error) => void = () => undefined;
  responded = false;
  failed = false;
  owedBytes = 0;
  full = false;
  /** Octets that the head announced and that have not come; null: not announced. */
  bodyLeft: number | null = null;
  readonly isHead: boolean;

  constructor(
    id: number,
    windowBytes: number,
    method: string,
    events: RichCallEvents,
    wants: (stream: RichStream) => void,
  ) {
    this.isHead = method === "HEAD";
    this.out = new Outgoing(id, windowBytes);
    this.events = events;
    this.pipe = new BodyPipe({
      start: () => {
        this.full = false;
        wants(this);
      },
      stop: () => {
        this.full = true;
      },
    });
    this.reply = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
