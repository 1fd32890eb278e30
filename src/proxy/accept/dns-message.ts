// As much of a DNS message as a carrier must understand: its id, its question, how it was answered; and the few answers that
// are made here (RFC 1035 §4.1). Nothing behind the question is read.

const headerBytes = 12;
const responseBit = 0x80;
const maxLabelBytes = 63;
/** With the length octets and the root (RFC 1035 §2.3.4). */
const maxNameBytes = 255;
const internetClass = 1;

/** Types of records (RFC 1035 §3.2.2, RFC 3596 §2.1, RFC 9460 §14.1). */
export const recordTypes = { A: 1, AAAA: 28, SVCB: 64, HTTPS: 65 } as const;

/** Codes of answers (RFC 1035 §4.1.1). */
export const answerCodes = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

export interface DnsHead {
  readonly id: number;
  readonly isResponse: boolean;
  /** One of `answerCodes`, or another; 0 in a query. */
  readonly code: number;
  /** Name, type and class of the first question, letters in lower case: tells whether an answer fits its query. */
  readonly question: string;
  /** The name of a host that it asks for, in lower case and without the root dot; null where it is no name that a host has. */
  readonly name: string | null;
  /** 0 where it asks for another class than the Internet's. */
  readonly type: number;
  /** Where the first question ends. */
  readonly questionEnd: number;
}

/** Null where the bytes are not a DNS message with one readable question. */
export function readDnsHead(message: Buffer): DnsHead | null {
  if (message.length < headerBytes || message.readUInt16BE(4) !== 1) return null;
  const nameEnd = endOfName(message);
  const questionEnd = nameEnd + 4;
  if (nameEnd < 0 || questionEnd > message.length) return null;
  return {
    id: message.readUInt16BE(0),
    isResponse: ((message[2] ?? 0) & responseBit) !== 0,
    code: (message[3] ?? 0) & 0x0f,
    question: message.toString("latin1", headerBytes, questionEnd).toLowerCase(),
    name: hostName(message, nameEnd),
    type: message.readUInt16BE(nameEnd + 2) === internetClass ? message.readUInt16BE(nameEnd) : 0,
    questionEnd,
  };
}

/** -1 where it does not end as it must. */
function endOfName(message: Buffer): number {
  let at = headerBytes;
  // Labels up to the root; a first question has nothing before it to point at, so compression is malformed here.
  for (let length = message[at]; length !== 0; length = message[at]) {
    if (length === undefined || length > maxLabelBytes) return -1;
    at += 1 + length;
    if (at - headerBytes >= maxNameBytes) return -1;
  }
  return at + 1;
}

/** A label may hold any octet (RFC 2181 §11), dots too: only those that stand for themselves in a host's name are taken. */
function hostName(message: Buffer, nameEnd: number): string | null {
  const labels: string[] = [];
  for (let at = headerBytes; at < nameEnd - 1; ) {
    const length = message[at] ?? 0;
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const isName = labels.length > 0 && labels.every((label) => /^[A-Za-z0-9_-]+$/.test(label));
  return isName ? labels.join(".").toLowerCase() : null;
}

/** A query for the addresses of `name` (RFC 1035 §4.1.2), recursion desired. `name`: of labels that fit. */
export function addressQuery(name: string): Buffer {
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split(".").map((label) => Buffer.from(`\0${label}`, "latin1"));
  for (const label of labels) label[0] = label.length - 1;
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, recordTypes.A, 0, internetClass])]);
}

/** The answer of a resolver that could not find out. */
export function serverFailure(query: Buffer, head: DnsHead): Buffer {
  return emptyAnswer(query, head, answerCodes.SERVFAIL);
}

/** There is no such name. */
export function noSuchName(query: Buffer, head: DnsHead): Buffer {
  return emptyAnswer(query, head, answerCodes.NXDOMAIN);
}

/** The name is there, but has no record of that type (RFC 2308 §2.2, type 3). */
export function noData(query: Buffer, head: DnsHead): Buffer {
  return emptyAnswer(query, head, answerCodes.NOERROR);
}

/** One A record. `address`: four octets. */
export function addressAnswer(query: Buffer, head: DnsHead, address: Uint8Array, ttlSeconds: number): Buffer {
  const answer = emptyAnswer(query, head, answerCodes.NOERROR);
  answer.writeUInt16BE(1, 6);
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc000 | headerBytes, 0); // the name of the question (RFC 1035 §4.1.4)
  record.writeUInt16BE(recordTypes.A, 2);
  record.writeUInt16BE(internetClass, 4);
  record.writeUInt32BE(ttlSeconds, 6);
  record.writeUInt16BE(address.length, 10);
  return Buffer.concat([answer, record, address]);
}

/** The question, and nothing behind it: without an OPT record, as of one who does not know EDNS (RFC 6891 §7). */
function emptyAnswer(query: Buffer, head: DnsHead, code: number): Buffer {
  const answer = Buffer.from(query.subarray(0, head.questionEnd));
  answer[2] = responseBit | ((answer[2] ?? 0) & 0x79); // keep opcode and "recursion desired"
  answer[3] = 0x80 | code; // "recursion available"
  answer.fill(0, 6, headerBytes);
  return answer;
}
