// The optimising compilers of V8, which rest while the program starts: what runs once is not worth their time, and the
// memory that they work in is not given back (malloc keeps it in the arenas of their threads).

import { arch } from "node:os";
import { setFlagsFromString } from "node:v8";

/** Elsewhere V8 is built without it, and has no such switch. */
const hasMaglev = ["arm", "arm64", "s390x", "x64"].includes(arch());
const compilers = hasMaglev ? ["opt", "maglev"] : ["opt"];

/** Whether code that is run often is optimised from now on. bin/understudy.js starts the program without. */
export function optimise(on: boolean): void {
  for (const compiler of compilers) setFlagsFromString(on ? `--${compiler}` : `--no-${compiler}`);
}
