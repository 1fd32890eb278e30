// Where a connection wants to go, as the accepting side tells it.

import type { HostPort } from "../../core/address.ts";

export interface Destination extends HostPort {
  /** Why nothing can be dialled there, for people; left out: it can. */
  readonly nowhere?: string;
}
