// The bytes of an accepted socket, straight from the buffer that the kernel filled: no event and no allocation a read.

/**
 * Takes what was read. `chunk` lies in a buffer that is used again: answers true where none of its bytes is held any
 * longer, false where somebody still holds some: then the buffer is left to them.
 */
export type InletSink = (chunk: Buffer) => boolean;

export interface Inlet {
  /**
   * From now on `sink` gets what is read, and before that, at once, what waits in the socket; null: the socket's `data`
   * events do again. Its other events, pause() and resume() stay as they are.
   */
  direct(sink: InletSink | null): void;
}
