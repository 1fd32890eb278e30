// The status codes of gRPC (github.com/grpc/grpc doc/statuscodes.md), by number and by name.

/** In the order of their numbers: `grpcStatusNames[5]` is `NOT_FOUND`. */
export const grpcStatusNames = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** The number of a name; undefined for what is none. */
export function grpcStatusOf(name: string): number | undefined {
  const code = (grpcStatusNames as readonly string[]).indexOf(name);
  return code === -1 ? undefined : code;
}

/** The name of a number; the number itself where gRPC has no name for it. */
export function grpcStatusName(code: number): string {
  return grpcStatusNames[code] ?? String(code);
}
