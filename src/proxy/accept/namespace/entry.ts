// The helper: a process inside the namespace. It binds what must be bound there, hands it out, and starts the command.
// No byte of traffic passes through it: a listening socket accepts for whoever holds it, and stays in its namespace.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { systemClock } from "../../../core/clock.ts";
import { createInsideDialler, type InsideDialler } from "./inside-dialler.ts";
import { type Cover, type FromHelper, type ToHelper, toHelper } from "./messages.ts";
import { redirectPort } from "./network.ts";
import { createSignalRelay, relayedSignals } from "./signal-relay.ts";
import { networkOf, sweep } from "./sweep.ts";

const backlog = 4_096;
const orphanCheckMs = 500;
// The command's stderr; our own fd 2 tells the sidecar why a start failed.
const commandStderr = 4;
/** `sweep`: no PID namespace around us, so we must end what the command leaves behind. */
const mustSweep = process.argv[2] === "sweep";

let child: ChildProcess | null = null;
let dialler: InsideDialler | null = null;

function say(message: FromHelper, handle?: Server | DatagramSocket | Socket): Promise<void> {
  return new Promise((resolve) => process.send?.(message, handle, {}, () => resolve()));
}

async function handOverListener(host: string): Promise<void> {
  const server = createServer();
  const bound = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false)); // no IPv6 in this kernel
    server.listen({ host, port: redirectPort, backlog }, () => resolve(true));
  });
  if (!bound) return;
  await say({ kind: "listener" }, server);
  server.close(); // our copy: from here on only the sidecar accepts
}

async function handOverDns(type: "udp4" | "udp6", address: string): Promise<void> {
  const socket = createSocket(type);
  const bound = await new Promise<boolean>((resolve) => {
    socket.once("error", () => resolve(false));
    socket.bind({ address, port: redirectPort }, () => resolve(true));
  });
  if (!bound) return;
  await say({ kind: "dns" }, socket);
  socket.close();
}

/** Mounts of this namespace alone: they end with it. */
function cover({ from, over }: Cover): void {
  try {
    execFileSync("mount", ["-n", "-o", "bind", from, over], { stdio: "ignore" });
  } catch {
    // No mount, or not allowed here: the command sees what is there.
  }
}

function execute({ words, env, covers }: Extract<ToHelper, { kind: "execute" }>): void {
  covers.forEach(cover);
  const [file = "", ...args] = words;
  child = spawn(file, args, { env: { ...env }, stdio: [0, 1, commandStderr] });
  child.once("error", (error) => end({ kind: "not-started", reason: error.message }));
  child.once("exit", (code, signal) => end({ kind: "ended", code, signal }));
}

function end(message: FromHelper): void {
  child = null;
  void say(message).then(() => leave(0));
}

function leave(code: number): void {
  // The parent is unshare, which ends by itself once we have.
  if (mustSweep) sweep(networkOf("self"), [process.pid, process.ppid], (pids) => pids.forEach(kill));
  process.exit(code);
}

/** Node does not tell where the channel ends while a socket is on its way through it. */
function watchForEnd(): void {
  if (!process.connected) leave(1);
  systemClock.after(orphanCheckMs, watchForEnd);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function connect(id: number, host: string, port: number): void {
  dialler ??= createInsideDialler(systemClock);
  dialler(host, port, (outcome) => {
    if (typeof outcome === "string") void say({ kind: "refused", id, reason: outcome });
    else void say({ kind: "connected", id }, outcome);
  });
}

const relay = createSignalRelay(systemClock, (signal) => child?.kill(signal));
for (const signal of relayedSignals) process.on(signal, () => relay.witnessed(signal));
// The sidecar is gone, even by SIGKILL: so must be everything here.
process.on("disconnect", () => leave(1));
watchForEnd();
process.on("message", (raw) => {
  const message = toHelper(raw);
  switch (message?.kind) {
    case "execute":
      return execute(message);
    case "connect":
      return connect(message.id, message.host, message.port);
    case "signal":
      return relay.reported(message.signal);
    default:
      return;
  }
});

await Promise.all([
  handOverListener("127.0.0.1"),
  handOverListener("::1"),
  handOverDns("udp4", "127.0.0.1"),
  handOverDns("udp6", "::1"),
]);
await say({ kind: "ready", network: networkOf("self") });
// Now that nobody waits for us: the FFI library, so that the first connection inside does not pay for it.
dialler ??= createInsideDialler(systemClock);
