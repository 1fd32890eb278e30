// As much of a DNS message as a carrier must understand: its id, its question, and how to refuse it (RFC 1035 §4.1).

const headerBytes = 12;
const responseBit = 0x80;

export interface DnsHead {
  readonly id: number;
  readonly isResponse: boolean;
  /** Name, type and class of the first question, letters in lower case: tells whether an answer fits its query. */
  readonly question: string;
  /** Where the first question ends. */
  readonly questionEnd: number;
}

/** Null where the bytes are not a DNS message with one readable question. */
export function readDnsHead(message: Buffer): DnsHead | null {
  if (message.length < headerBytes || message.readUInt16BE(4) !== 1) return null;
  let at = headerBytes;
  // Labels up to the root; a first question has nothing before it to point at, so compression is malformed here.
  for (let length = message[at]; length !== 0; length = message[at]) {
    if (length === undefined || length > 63) return null;
    at += 1 + length;
  }
  const questionEnd = at + 5;
  if (questionEnd > message.length) return null;
  return {
    id: message.readUInt16BE(0),
    isResponse: ((message[2] ?? 0) & responseBit) !== 0,
    question: message.toString("latin1", headerBytes, questionEnd).toLowerCase(),
    questionEnd,
  };
}

/** The answer of a resolver that could not find out: rcode 2, SERVFAIL (RFC 1035 §4.1.1). */
export function serverFailure(query: Buffer, head: DnsHead): Buffer {
  const answer = Buffer.from(query.subarray(0, head.questionEnd));
  answer[2] = responseBit | ((answer[2] ?? 0) & 0x79); // keep opcode and "recursion desired"
  answer[3] = 0x80 | 2; // "recursion available"
  answer.fill(0, 6, headerBytes); // no records follow
  return answer;
}
