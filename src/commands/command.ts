// What every CLI command is: a thin shell over the program, told its surroundings instead of reaching for them.

/** A stream of text that people or programs read. */
export interface TextSink {
  /** `tellLost`: how to say that lines before this one were dropped, where the sink does that; for people where left out. */
  write(text: string, tellLost?: (lines: number) => string): void;
  readonly isTTY: boolean;
}

/** Where log lines go: never blocks, keeps a bounded amount for a slow reader, and drops the rest. */
export interface LogDestination {
  write(lines: string): void;
  /** Writes what is kept, as far as the reader takes it within a second. */
  close(): Promise<void>;
}

/** The process as a command sees it. Made once, in main.ts. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: TextSink;
  /** Never blocks, keeps a bounded amount for a slow reader, drops the rest and says so. */
  readonly stderr: TextSink;
  /** Stdout for log lines that may come fast. Left out: they go to `stdout` itself. */
  readonly openLog?: () => Promise<LogDestination>;
  /** Effective user id; 0 is root. */
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** The Node that runs us, for helper processes. */
  readonly execPath: string;
  /** Calls back on each SIGINT, SIGTERM, SIGHUP, …; the returned function stops it. While anyone listens, the default action is off. */
  onSignal(signal: NodeJS.Signals, handler: () => void): () => void;
}

export interface Command {
  /** Words after `understudy`: `run`, `rules check`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole `--help` text. */
  readonly help: string;
  /** `args`: what follows the name. Resolves to the exit code. Throws UnderstudyError for what the user must mend. */
  run(args: readonly string[], shell: Shell): Promise<number>;
}

/** Exit codes that mean something, as sysexits.h names them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 64,
  badData: 65,
  unavailable: 69,
  /** Somebody else was quicker; trying again may do. */
  conflict: 75,
  notPermitted: 77,
  badConfig: 78,
} as const;
