// The worker's side of the channel: carries out requests, and sends events as long as the other side takes them.

import type { Clock } from "../../../core/clock.ts";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { Random } from "../../../core/random.ts";
import type { Mesh, MeshEvent } from "../mesh.ts";
import { openMesh } from "../open-mesh.ts";
import {
  type FromWorker,
  type MeshState,
  maxEventsUnderWay,
  type RequestName,
  type Requests,
  type ToWorker,
  type WorkerSetup,
} from "./channel.ts";

type Handlers = {
  readonly [N in RequestName]: (args: Requests[N]["args"]) => Promise<Requests[N]["result"]>;
};

/** Opens the member, says `ready` or `failed`, and gives what takes the messages of the other side. */
export function serveMesh(
  setup: WorkerSetup,
  deps: { readonly clock: Clock; readonly random: Random },
  send: (message: FromWorker) => void,
  finish: () => void,
): (message: ToWorker) => void {
  const events = new EventSender(send);
  const opened = openMesh(setup, { ...deps, onEvent: (event) => events.send(event) });
  opened.then(
    (mesh) => send({ kind: "ready", address: mesh.address }),
    (thrown) => {
      send({ kind: "failed", ...described(thrown) });
      finish();
    },
  );
  return (message) => {
    if (message.kind === "credit") return events.credit(message.events);
    const { id, name, args } = message;
    opened
      .then((mesh) => handle(handlersOf(mesh, events), name, args))
      .then(
        (result) => send({ kind: "done", id, result }),
        (thrown) => send({ kind: "refused", id, ...described(thrown) }),
      )
      .finally(() => {
        if (name === "close") finish();
      });
  };
}

function handle(handlers: Handlers, name: RequestName, args: object): Promise<unknown> {
  const handler = handlers[name] as (args: object) => Promise<unknown>; // name and args came together, typed
  return handler(args);
}

function handlersOf(mesh: Mesh, events: EventSender): Handlers {
  const state = (): MeshState => ({
    counters: mesh.counters(),
    awareness: mesh.awareness,
    confirmed: mesh.confirmed,
    lostEvents: events.lost,
  });
  return {
    join: ({ addresses }) => mesh.join(addresses),
    members: async () => mesh.members(),
    state: async () => state(),
    "set-tags": async ({ tags }) => {
      mesh.setTags(tags);
      return null;
    },
    broadcast: async ({ name, payload }) => {
      mesh.broadcast(name, payload);
      return null;
    },
    query: ({ name, payload, timeoutMs }) => mesh.query(name, payload, { timeoutMs }),
    keys: ({ operation, key, timeoutMs }) => mesh.keys(operation, key, timeoutMs),
    leave: () => mesh.leave().then(() => null),
    close: () => mesh.close().then(() => null),
  };
}

class EventSender {
  readonly #send: (message: FromWorker) => void;
  #credit = maxEventsUnderWay;
  lost = 0;

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
  }

  credit(events: number): void {
    this.#credit += events;
  }

  send(event: MeshEvent): void {
    if (this.#credit === 0) {
      this.lost++;
      return;
    }
    this.#credit--;
    this.#send({ kind: "event", event });
  }
}

function described(thrown: unknown): { code: string; message: string } {
  return { code: thrown instanceof UnderstudyError ? thrown.code : "", message: messageOf(thrown) };
}
