// Imported before all else by the process that reads rules, which seldom lives for a second: optimising what it runs costs
// it a fifth of its time, on a machine with one core. A large file is worth it.

import { arch } from "node:os";
import { setFlagsFromString } from "node:v8";

/** Elsewhere V8 is built without Maglev, and has no such switch. */
const compilers = ["arm", "arm64", "s390x", "x64"].includes(arch()) ? ["opt", "maglev"] : ["opt"];

for (const compiler of compilers) setFlagsFromString(`--no-${compiler}`);

/** What still runs now is worth being optimised. */
export function optimise(): void {
  for (const compiler of compilers) setFlagsFromString(`--${compiler}`);
}
