// TLS sessions by upstream, for resumption; the least recently used goes first.

export interface SessionCache {
  get(key: string): Buffer | undefined;
  set(key: string, session: Buffer): void;
  delete(key: string): void;
}

/** Holds `most` sessions. */
export function createSessionCache(most: number): SessionCache {
  const sessions = new Map<string, Buffer>(); // in the order of use
  return {
    get(key) {
      const found = sessions.get(key);
      if (found) {
        sessions.delete(key);
        sessions.set(key, found);
      }
      return found;
    },
    set(key, session) {
      sessions.delete(key);
      sessions.set(key, session);
      for (const oldest of sessions.keys()) {
        if (sessions.size <= most) break;
        sessions.delete(oldest);
      }
    },
    delete: (key) => void sessions.delete(key),
  };
}
