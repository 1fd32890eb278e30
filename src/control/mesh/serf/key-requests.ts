// Rotation of keys: internal queries that install, use and remove a key at every member, or list what each has.

import type { KeyChange, Keyring } from "../wire/keyring.ts";
import { keyRequestStruct, keyResponseStruct, serfType } from "../wire/serf-messages.ts";
import { attempt } from "../wire/wire-fault.ts";

export type KeyOperation = "install-key" | "use-key" | "remove-key" | "list-keys";

const prefix = "_serf_";
const operations: readonly KeyOperation[] = ["install-key", "use-key", "remove-key", "list-keys"];

/** The operation that an internal query asks for; undefined: it is about something else. */
export function keyOperationOf(queryName: string): KeyOperation | undefined {
  return operations.find((operation) => queryName === prefix + operation);
}

/** Name and payload of the query for an operation; `list-keys` needs no key. */
export function keyQuery(operation: KeyOperation, key: Uint8Array | null): { name: string; payload: Buffer } {
  const payload =
    key === null ? Buffer.alloc(0) : keyRequestStruct.message(serfType.keyRequest, { Key: Buffer.from(key) });
  return { name: prefix + operation, payload };
}

/** Does what is asked and gives the payload of the response. `changed` is called when the keys are others now. */
export function answerKeyQuery(
  operation: KeyOperation,
  payload: Buffer,
  keyring: Keyring,
  changed: () => void,
): Buffer {
  const outcome = keyring.enabled ? perform(operation, payload, keyring) : notEncrypted;
  if (outcome.ok && operation !== "list-keys") changed();
  const listing = operation === "list-keys" && outcome.ok;
  const [primary] = keyring.keys;
  return keyResponseStruct.message(serfType.keyResponse, {
    Result: outcome.ok,
    Message: outcome.ok ? "" : outcome.problem,
    Keys: listing ? keyring.keys.map((key) => key.toString("base64")) : [],
    PrimaryKey: listing ? (primary?.toString("base64") ?? "") : "",
  });
}

/** What one member said to a key query. */
export interface KeyAnswer {
  readonly from: string;
  readonly ok: boolean;
  readonly message: string;
  /** In base64; of `list-keys` only. */
  readonly keys: readonly string[];
  readonly primaryKey: string;
}

/** null: no such answer. */
export function readKeyAnswer(from: string, payload: Uint8Array): KeyAnswer | null {
  if (payload[0] !== serfType.keyResponse) return null;
  const read = attempt(() => keyResponseStruct.parse(Buffer.from(payload), 1));
  if (typeof read === "string") return null;
  return { from, ok: read.Result, message: read.Message, keys: read.Keys, primaryKey: read.PrimaryKey };
}

const notEncrypted: KeyChange = { ok: false, problem: "the mesh is not encrypted at this member" };

function perform(operation: KeyOperation, payload: Buffer, keyring: Keyring): KeyChange {
  if (operation === "list-keys") return { ok: true };
  const request =
    payload[0] === serfType.keyRequest ? attempt(() => keyRequestStruct.parse(payload, 1)) : "malformed";
  if (typeof request === "string") return { ok: false, problem: "the request names no key" };
  switch (operation) {
    case "install-key":
      return keyring.install(request.Key);
    case "use-key":
      return keyring.use(request.Key);
    case "remove-key":
      return keyring.remove(request.Key);
    default:
      return operation satisfies never;
  }
}
