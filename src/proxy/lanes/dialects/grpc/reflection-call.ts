// Streams of a reflection service over one HTTP/2 connection, which is dialled as relayed calls are: to the same place, and
// over the same TLS. That is why it is node:http2, and no client that would dial by itself.

import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { createRequire } from "node:module";
import type { HostPort } from "../../../../core/address.ts";
import type { Dial } from "../../../../core/link.ts";
import { LinkStream } from "../../link-stream.ts";
import { EnvelopeReader, envelope } from "./envelope.ts";
import { maxMessageBytes } from "./first-message.ts";
import { type ReflectionStream, StatusError, unimplemented } from "./reflection.ts";

export interface ReflectionTarget {
  readonly upstream: HostPort;
  readonly dial: Dial;
  readonly scheme: "http" | "https";
  readonly authority: string;
}

export interface ReflectionConnection {
  open(path: string): ReflectionStream;
  /** Ends the connection; what waits rejects with the reason. */
  destroy(reason?: Error): void;
}

/** Dials in the background; streams reject where that fails. */
export function connectReflection({
  upstream,
  dial,
  scheme,
  authority,
}: ReflectionTarget): ReflectionConnection {
  // Loaded with the first upstream that is asked: most processes ask none.
  const http2 = createRequire(import.meta.url)("node:http2") as typeof import("node:http2");
  const socket = new LinkStream(upstream, dial);
  const session = http2.connect("http://upstream", { createConnection: () => socket });
  let failure: Error | null = null;
  const fail = (error: Error) => {
    failure ??= error;
  };
  socket.on("error", fail);
  session.on("error", fail);
  const head = { ":scheme": scheme, ":authority": authority };
  return {
    open: (path) => openStream(session, { ...head, ":path": path }, () => failure),
    destroy(reason) {
      if (reason) fail(reason);
      session.destroy();
      socket.destroy();
    },
  };
}

function openStream(
  session: ClientHttp2Session,
  target: Readonly<Record<string, string>>,
  failure: () => Error | null,
): ReflectionStream {
  const stream = session.request({
    ...target,
    ":method": "POST",
    "content-type": "application/grpc",
    te: "trailers",
  });
  const reader = new EnvelopeReader(maxMessageBytes);
  let waiting: PromiseWithResolvers<Uint8Array> | null = null;
  let ended: Error | null = null;
  const end = (error: Error): void => {
    ended ??= error;
    waiting?.reject(ended);
    waiting = null;
  };
  stream.on("response", (headers) => {
    const status = headers[":status"];
    // A server that routes by path answers so for a version that it does not have (grpc doc/http-grpc-status-mapping.md).
    if (status === 404) end(new StatusError(unimplemented, ""));
    else if (status !== 200) end(new Error(`it answered with HTTP status ${status}`));
    else if (headers["grpc-status"] !== undefined) end(statusOf(headers));
  });
  stream.on("trailers", (trailers) => end(statusOf(trailers)));
  stream.on("data", (chunk: Buffer) => {
    for (const found of reader.push(chunk)) {
      if (found instanceof Uint8Array)
        return end(new Error(`a file of descriptors is larger than ${maxMessageBytes} bytes`));
      waiting?.resolve(Buffer.from(found.payload));
      waiting = null;
    }
  });
  stream.on("error", (error) => end(failure() ?? error));
  stream.on("close", () => end(failure() ?? new Error("it ended the stream without a status")));
  return {
    ask(request) {
      if (ended) return Promise.reject(ended);
      waiting = Promise.withResolvers();
      stream.write(envelope(0, request));
      return waiting.promise;
    },
    close: () => stream.close(),
  };
}

function statusOf(fields: IncomingHttpHeaders): StatusError {
  const code = Number(fields["grpc-status"] ?? 2);
  return new StatusError(code, percentDecoded(String(fields["grpc-message"] ?? "")));
}

/** PROTOCOL-HTTP2 "Status-Message": what is not encoded as it should be is shown as it came. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
