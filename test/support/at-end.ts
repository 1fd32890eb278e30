// Ends what a test has begun, the latest first: a process before the folder that it writes into. (`t.after` goes the other way.)

import type { TestContext } from "node:test";

const endings = new WeakMap<TestContext, (() => unknown)[]>();

export function atEnd(t: TestContext, end: () => unknown): void {
  const known = endings.get(t);
  if (known) {
    known.push(end);
    return;
  }
  const ends = [end];
  endings.set(t, ends);
  t.after(async () => {
    for (let next = ends.pop(); next; next = ends.pop()) await next();
  });
}
