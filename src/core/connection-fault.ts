// What a rule does to a connection whose bytes are not parsed.

export type ConnectionFault =
  /** Ends the connection without dialling; `delayMs()` is to be waited for before. */
  | { readonly kind: "abort"; readonly how: "fin" | "rst" | "hang"; delayMs(): number }
  | {
      readonly kind: "bytes";
      /** Milliseconds to wait before the connection is dialled; a fresh sample each time. 0 where there is no delay. */
      delayMs(): number;
      /** False where this direction's bytes pass untouched, so that they may be spliced. */
      touches(direction: "toUpstream" | "toDownstream"): boolean;
      /**
       * The bytes of one direction with the faults applied, until `faultEnds` aborts. Ends with the reason of `signal`,
       * and throws `body_cut` where the stream is to be cut.
       */
      transform(
        direction: "toUpstream" | "toDownstream",
        chunks: AsyncIterable<Uint8Array>,
        span: { readonly signal: AbortSignal; readonly faultEnds?: AbortSignal | undefined },
      ): AsyncIterable<Uint8Array>;
    };
