// What the mesh needs of a network: datagrams that may get lost, and short streams. Callbacks instead of promises, so that
// a simulation of a thousand members stays in step with its clock.

import type { HostPort } from "../../core/address.ts";

/** One accepted or dialled stream. Writing to a closed one does nothing. */
export interface MeshStream {
  /** Who is at the other end. */
  readonly peer: HostPort;
  write(bytes: Buffer): void;
  /** Nothing more will be written; what the peer still sends is read. */
  end(): void;
  destroy(): void;
}

/** Called by the transport for one stream. */
export interface StreamHandler {
  /** The chunk may be reused after the call. */
  data(chunk: Buffer): void;
  /** Once: the stream ended, broke or could not be opened. */
  closed(): void;
}

export interface TransportHandlers {
  /** The packet may be reused after the call. */
  packet(packet: Buffer, from: HostPort): void;
  /** Gives what handles an accepted stream; null refuses it. */
  stream(stream: MeshStream): StreamHandler | null;
}

export interface Transport {
  /** Where packets and streams arrive; the same port for both. */
  readonly address: HostPort;
  /** Called once, before anything else. */
  attach(handlers: TransportHandlers): void;
  /** Never throws; a packet that cannot be sent is lost. */
  sendPacket(to: HostPort, packet: Buffer): void;
  /** Never throws; what fails is `closed`. Writes before the stream is open are kept. */
  dial(to: HostPort, handler: StreamHandler): MeshStream;
  /** Ends everything; no handler is called after. */
  close(): Promise<void>;
}
