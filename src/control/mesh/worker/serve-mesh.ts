// The worker's side of the channel: carries out requests, and sends events as long as the other side takes them.

import type { Clock, Timer } from "../../../core/clock.ts";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { Random } from "../../../core/random.ts";
import type { Mesh, MeshEvent } from "../mesh.ts";
import { openMesh } from "../open-mesh.ts";
import type { MeshQuestion } from "../serf/queries.ts";
import {
  type FromWorker,
  type MeshState,
  maxEventsUnderWay,
  maxQuestions,
  type Question,
  questionMs,
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
  const questions = new Questions(deps.clock, send);
  const opened = openMesh(setup, {
    ...deps,
    onEvent: (event) => events.send(event),
    answers: {
      query: (question, respond) =>
        questions.ask("query", question, (payload) => payload !== null && respond(payload)),
      fetch: (question, respond) => questions.ask("fetch", question, respond),
    },
  });
  opened.then(
    (mesh) => send({ kind: "ready", address: mesh.address }),
    (thrown) => {
      send({ kind: "failed", ...described(thrown) });
      finish();
    },
  );
  return (message) => {
    if (message.kind === "credit") return events.credit(message.events);
    if (message.kind === "answer") return questions.answered(message.id, message.payload);
    const { id, name, args } = message;
    opened
      .then((mesh) => handle(handlersOf(mesh, events, questions), name, args))
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

function handlersOf(mesh: Mesh, events: EventSender, questions: Questions): Handlers {
  const state = (): MeshState => ({
    counters: mesh.counters(),
    awareness: mesh.awareness,
    confirmed: mesh.confirmed,
    lostEvents: events.lost,
    lostQuestions: questions.lost,
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
    query: ({ name, payload, ...options }) => mesh.query(name, payload, options),
    fetch: ({ member, name, payload, ...options }) => mesh.fetch(member, name, payload, options),
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

/** Questions of other members on their way through the proxy's thread and back. */
class Questions {
  readonly #clock: Clock;
  readonly #send: (message: FromWorker) => void;
  readonly #open = new Map<
    number,
    { readonly respond: (payload: Uint8Array | null) => void; readonly timer: Timer }
  >();
  #nextId = 0;
  lost = 0;

  constructor(clock: Clock, send: (message: FromWorker) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  ask(by: Question["by"], question: MeshQuestion, respond: (payload: Uint8Array | null) => void): void {
    if (this.#open.size >= maxQuestions) {
      this.lost++;
      return respond(null);
    }
    const id = this.#nextId++;
    const giveUp = () => {
      this.lost++;
      this.answered(id, null);
    };
    const timer = this.#clock.after(questionMs, giveUp, { background: true });
    this.#open.set(id, { respond, timer });
    const { name, payload, from } = question;
    // A copy of its own: a view would bring the whole buffer along.
    this.#send({ kind: "question", id, question: { by, name, payload: Uint8Array.from(payload), from } });
  }

  answered(id: number, payload: Uint8Array | null): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    open.timer.cancel();
    open.respond(payload);
  }
}

function described(thrown: unknown): { code: string; message: string } {
  return { code: thrown instanceof UnderstudyError ? thrown.code : "", message: messageOf(thrown) };
}
