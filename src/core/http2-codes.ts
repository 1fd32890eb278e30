// The error codes of HTTP/2 by name (RFC 9113 §7).

export const http2Codes: Readonly<Record<string, number>> = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
};

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(http2Codes).map(([name, code]) => [code, name]),
);

/** `CANCEL (8)`, or the number alone where it has no name. */
export function http2CodeText(code: number): string {
  const name = names.get(code);
  return name === undefined ? String(code) : `${name} (${code})`;
}
