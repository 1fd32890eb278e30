// The list of commands, in the order of the help text. Each is loaded when it is called.

import type { CommandEntry } from "./help.ts";

export const commandEntries: readonly CommandEntry[] = [
  {
    name: "run",
    summary: "Run a command with all of its traffic passing through here",
    load: async () => (await import("./run.ts")).run,
  },
  {
    name: "proxy",
    summary: "Be an explicit HTTP proxy, or stand before one upstream",
    load: async () => (await import("./proxy.ts")).proxy,
  },
  {
    name: "sidecar",
    summary: "Intercept the redirected traffic of a host or pod",
    load: async () => (await import("./sidecar.ts")).sidecar,
  },
  {
    name: "redirect",
    summary: "Install, remove or show the redirection that feeds the sidecar",
    load: async () => (await import("./redirect.ts")).redirect,
  },
  {
    name: "rules check",
    summary: "Check files of rules and show each mistake with its line",
    load: async () => (await import("./rules-check.ts")).rulesCheck,
  },
  {
    name: "rules explain",
    summary: "Tell which rule would claim a call, and why",
    load: async () => (await import("./rules-explain.ts")).rulesExplain,
  },
  {
    name: "rules apply",
    summary: "Put rules of files in force in a store, at once",
    load: async () => (await import("./rules-apply.ts")).rulesApply,
  },
  {
    name: "rules diff",
    summary: "Show what applying files to a store would change",
    load: async () => (await import("./rules-diff.ts")).rulesDiff,
  },
  {
    name: "rules ls",
    summary: "List the rules of a store",
    load: async () => (await import("./rules-ls.ts")).rulesLs,
  },
  {
    name: "rules get",
    summary: "Show a rule of a store",
    load: async () => (await import("./rules-get.ts")).rulesGet,
  },
  {
    name: "rules rm",
    summary: "Remove a rule from a store",
    load: async () => (await import("./rules-rm.ts")).rulesRm,
  },
  {
    name: "rules history",
    summary: "List the versions of the rules of a store",
    load: async () => (await import("./rules-history.ts")).rulesHistory,
  },
  {
    name: "rules rollback",
    summary: "Put an earlier version in force again",
    load: async () => (await import("./rules-rollback.ts")).rulesRollback,
  },
  {
    name: "mesh status",
    summary: "List the members of the mesh",
    load: async () => (await import("./mesh-status.ts")).meshStatus,
  },
  {
    name: "faults stop",
    summary: "Stop every fault, everywhere, at once",
    load: async () => (await import("./faults.ts")).faultsStop,
  },
  {
    name: "faults resume",
    summary: "Let faults happen again",
    load: async () => (await import("./faults.ts")).faultsResume,
  },
  {
    name: "faults status",
    summary: "Show whether faults are stopped",
    load: async () => (await import("./faults.ts")).faultsStatus,
  },
  {
    name: "ca init",
    summary: "Make a certificate authority of your own",
    load: async () => (await import("./ca.ts")).caInit,
  },
  {
    name: "ca show",
    summary: "Show your authority, and how to trust it",
    load: async () => (await import("./ca.ts")).caShow,
  },
  {
    name: "ca rotate",
    summary: "Replace your authority by a new one",
    load: async () => (await import("./ca.ts")).caRotate,
  },
];
