// A header block as it was decoded: the fields in order, and how each stood on the wire, so that it can be written again
// for another peer in the same manner.

import type { Field } from "./field.ts";

/** How a field was represented (RFC 7541 §6). */
export type Representation = "indexed" | "incremental" | "plain" | "never";

/** How the fields of a block stood on the wire, by their place in it. The decoder's own, filled anew with every block. */
export interface FieldCoding {
  readonly as: readonly Representation[];
  /** The table entry that lent its name; null where the name was written out, or the whole field is indexed. */
  readonly namedBy: readonly (Field | null)[];
  /** The strings as they stand behind `HeaderBlock.from`, length prefix included: name from..to (where written), value. */
  readonly nameFrom: readonly number[];
  readonly valueFrom: readonly number[];
  readonly valueTo: readonly number[];
}

export interface HeaderBlock {
  /** Valid until the callback that brought them returns. */
  readonly bytes: Uint8Array;
  /** Where the block begins in `bytes`. */
  readonly from: number;
  /** The same list as of an earlier block where that said the same. */
  readonly fields: readonly Field[];
  /** Valid as long as `bytes`. */
  readonly coding: FieldCoding;
  /** Octets of the list as HTTP/2 counts them (RFC 9113 §6.5.2). */
  readonly listBytes: number;
  /** The fields were more, or larger, than the limit: `fields` is not all of them. */
  readonly tooLarge: boolean;
  /** The table size that the block asked for last; -1: none. */
  readonly tableBytes: number;
}
