// One header field as HPACK holds it: the text, what it costs in a table, and whether HTTP/2 allows it at all.

/** What a name may hold in HTTP/2: token characters without upper case (RFC 9113 §8.2.1). 1: allowed. */
const nameOctets = new Uint8Array(256);
for (const char of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") nameOctets[char.charCodeAt(0)] = 1;

/** What belongs to a connection of HTTP/1 and must not stand in HTTP/2 (RFC 9113 §8.2.2). */
export const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Octets that count for each entry besides its text (RFC 7541 §4.1). */
export const entryOverheadBytes = 32;

export class Field {
  readonly name: string;
  /** As octets: one character each. */
  readonly value: string;
  /** RFC 7541 §4.1. */
  readonly sizeBytes: number;
  /** In the static table; 0: not there. */
  readonly staticIndex: number;
  /** True where name and value may stand in a message (RFC 9113 §8.2.1). */
  readonly valid: boolean;
  /** One of `connectionFields`. */
  readonly ofConnection: boolean;
  /** Of the name alone. */
  readonly #nameValid: boolean;
  /** When an encoder put it into its dynamic table; 0: never. */
  insertedAs = 0;

  /** `like`: a field of the same name, which has been looked at. */
  constructor(name: string, value: string, staticIndex = 0, like: Field | null = null) {
    this.name = name;
    this.value = value;
    this.sizeBytes = name.length + value.length + entryOverheadBytes;
    this.staticIndex = staticIndex;
    this.#nameValid = like ? like.#nameValid : isName(name);
    this.valid = this.#nameValid && isValue(value);
    this.ofConnection = like ? like.ofConnection : connectionFields.has(name);
  }

  withValue(value: string): Field {
    return new Field(this.name, value, 0, this);
  }
}

/** A name that begins with a colon is looked at by whoever knows the pseudo-header fields. */
function isName(name: string): boolean {
  const from = name.charCodeAt(0) === 0x3a ? 1 : 0;
  if (name.length === from) return false;
  for (let i = from; i < name.length; i++) if (nameOctets[name.charCodeAt(i)] !== 1) return false;
  return true;
}

/** RFC 9113 §8.2.1: no NUL, CR or LF, and no white space at either end. */
function isValue(value: string): boolean {
  const last = value.length - 1;
  if (last < 0) return true;
  if (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(last))) return false;
  for (let i = 0; i <= last; i++) {
    const octet = value.charCodeAt(i);
    if (octet < 0x0e && (octet === 0 || octet === 0x0a || octet === 0x0d)) return false;
  }
  return true;
}

function isBlank(octet: number): boolean {
  return octet === 0x20 || octet === 0x09;
}
