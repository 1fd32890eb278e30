// What the measurement is asked to do: the flags of `npm run bench`, checked.

import { parseArgs } from "node:util";

export interface BenchOptions {
  /** Beginnings of scenario names; empty: all. */
  readonly only: readonly string[];
  /** Rounds per scenario; a figure is the median over them. */
  readonly slices: number;
  /** Length of one slice, in seconds. */
  readonly seconds: number;
  /** Writes the table between the markers of README.md. */
  readonly updateReadme: boolean;
}

export const usage = `npm run bench -- [flags]
  --only a,b        scenarios whose name begins so: keep-alive, new-connection, bulk,
                    mock, latency, h2, grpc, websocket, tls, graphql, memory, start,
                    decision; the figures of the others stay as they were
  --slices N        rounds per scenario, 1 to 100 (default 9)
  --seconds S       length of a slice, 1 to 60 (default 1)
  --quick           3 slices, for a look: about 8 minutes for everything, where 9 take 20
  --update-readme   writes the table into README.md`;

/** Throws an Error that names the flag, its value and what was expected. */
export function readOptions(args: readonly string[]): BenchOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h", default: false },
      only: { type: "string", default: "" },
      slices: { type: "string" },
      seconds: { type: "string", default: "1" },
      quick: { type: "boolean", default: false },
      "update-readme": { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  return {
    only: values.only.split(",").filter((name) => name !== ""),
    slices: wholeNumber("--slices", values.slices ?? (values.quick ? "3" : "9"), 100),
    seconds: wholeNumber("--seconds", values.seconds, 60),
    updateReadme: values["update-readme"],
  };
}

function wholeNumber(flag: string, text: string, largest: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > largest)
    throw new Error(`${flag}: expected a whole number from 1 to ${largest}, got "${text}"`);
  return value;
}
