// Where the response of a call on the rich road goes.

import type { HeaderList } from "../../../core/headers.ts";
import type { Flag } from "../../../core/tap.ts";

/** Receives a response that does not go straight to the downstream. Chunks are its own. */
export interface ResponseSink {
  interim(status: number, headers: HeaderList): void;
  /** `lengthBytes`: null for chunked or until-close; 0 where there is no body. */
  head(status: number, reason: string, headers: HeaderList, lengthBytes: number | null): void;
  data(chunk: Buffer): void;
  end(trailers: HeaderList): void;
  /** The response does not come whole. `how`: what a client sees for whom nobody claims the call. */
  fail(how: "fin" | "rst", flag: Flag, detail: string): void;
}
