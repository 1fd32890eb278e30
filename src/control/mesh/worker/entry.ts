// The thread in which the mesh runs: the proxy's event loop may stall, and nobody suspects us. Started by mesh-worker.ts.

import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../../core/clock.ts";
import { systemRandom } from "../../../core/random.ts";
import type { FromWorker, ToWorker, WorkerSetup } from "./channel.ts";
import { serveMesh } from "./serve-mesh.ts";

const port = parentPort;
if (port === null) throw new Error("this file is the entry of a worker thread");
const receive = serveMesh(
  workerData as WorkerSetup, // handed over by mesh-worker.ts alone
  { clock: systemClock, random: systemRandom },
  (message: FromWorker) => port.postMessage(message),
  () => port.close(),
);
port.on("message", (message: ToWorker) => receive(message));
