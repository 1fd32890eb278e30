// Offers of permessage-deflate, where we are the server: those that cannot be taken are declined, one by one, which is to
// leave them out of the answer (RFC 7692 §5.1, §7.1). `ws` would refuse the whole handshake for one of them.

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** RFC 6455 §9.1; a value in quotes is a token, too, once the quotes are gone. */
const parameter = new RegExp(`^(${token})(?:[ \\t]*=[ \\t]*(?:(${token})|"(${token})"))?$`);
const offerInList = /(?:[^,"]|"(?:\\.|[^"\\])*"?)+/g;

/** A Sec-WebSocket-Extensions without the offers that must be declined. What is malformed stays, to be refused. */
export function withoutDeclined(extensions: string): string {
  const offers = extensions.match(offerInList) ?? [];
  const left = offers.filter((offer) => !isDeclined(offer));
  return left.length === offers.length ? extensions : left.map((offer) => offer.trim()).join(", ");
}

function isDeclined(offer: string): boolean {
  const [name = "", ...parts] = offer.split(";").map((part) => part.trim());
  if (name !== "permessage-deflate") return false;
  const seen = new Set<string>();
  let declined = false;
  for (const part of parts) {
    const found = parameter.exec(part);
    if (!found) return false;
    const [, key = "", plain, quoted] = found;
    declined ||= seen.has(key) || !isTaken(key, plain ?? quoted);
    seen.add(key);
  }
  return declined;
}

function isTaken(key: string, value: string | undefined): boolean {
  switch (key) {
    case "server_no_context_takeover": // §7.1.1.1
    case "client_no_context_takeover": // §7.1.1.2
      return value === undefined;
    case "server_max_window_bits": // §7.1.2.1; zlib cannot write for a window of 256 bytes
      return value !== undefined && /^(?:9|1[0-5])$/.test(value);
    case "client_max_window_bits": // §7.1.2.2
      return value === undefined || /^(?:[89]|1[0-5])$/.test(value);
    default:
      return false;
  }
}
