// The head of a response as it passes: its status, the length that it announces, and what must not be forwarded (RFC 9113
// §8.1.1, §8.3.2). One reader serves all responses of a connection, since each is only looked at.

import type { HeaderBlock } from "./hpack/header-block.ts";
import { flawOf, lengthOf } from "./request-head.ts";

const statusPattern = /^[1-9]\d\d$/;

export class ResponseHead {
  status = 0;
  /** null where it does not say. */
  contentLength: number | null = null;
  #fields: HeaderBlock["fields"] | null = null;
  #flaw: string | null = null;

  /** What is wrong with the block; null where nothing is. Fields that were read last are not read again. */
  read(block: HeaderBlock): string | null {
    if (this.#fields === block.fields) return this.#flaw;
    this.#fields = block.fields;
    this.#flaw = this.#read(block);
    return this.#flaw;
  }

  #read({ fields, tooLarge }: HeaderBlock): string | null {
    this.contentLength = null;
    const first = fields[0];
    this.status = first?.name === ":status" ? statusOf(first.value) : 0;
    if (this.status === 0) return tooLarge && fields.length === 0 ? null : "it does not begin with a :status";
    // RFC 9113 §8.6
    if (this.status === 101) return "101 is not a status of HTTP/2";
    for (let i = 1; i < fields.length; i++) {
      const field = fields[i];
      if (!field) break;
      const flaw = flawOf(field);
      if (flaw) return flaw;
      if (field.name !== "content-length") continue;
      const length = lengthOf(field.value);
      if (length < 0) return `content-length of ${JSON.stringify(field.value.slice(0, 64))}`;
      if (this.contentLength !== null && this.contentLength !== length) return "two different content-length";
      this.contentLength = length;
    }
    return null;
  }
}

/** RFC 9110 §15; 0 where it is none. */
function statusOf(value: string): number {
  return statusPattern.test(value) ? Number(value) : 0;
}
