// What a whole test file shares, opened before its first test and closed after its last.

import { after, before } from "node:test";

/**
 * As `before` and `after`. Where a name pattern leaves no test to run, the runner calls `after` while `before` is still
 * under way: then `close` waits for `open`, and nothing stays behind that would keep the process alive.
 */
export function aroundTests(open: () => Promise<void>, close: () => PromiseLike<void> | void): void {
  let opened = Promise.resolve();
  before(() => {
    opened = open();
    return opened;
  });
  after(async () => {
    await opened;
    await close();
  });
}
