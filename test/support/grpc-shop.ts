// A real gRPC service and its clients, as its users have them: grpc-js with the shop's .proto files.

import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { HostPort } from "../../src/core/address.ts";

/** The import root of the shop's .proto files. */
export const protoFolder = fileURLToPath(new URL("./protos", import.meta.url));

/** What the shop's .proto files define. */
export const shopPackage = loadSync("shop/v1/inventory.proto", {
  includeDirs: [protoFolder],
  keepCase: false,
  enums: String,
  longs: Number,
});
const loaded = grpc.loadPackageDefinition(shopPackage);
// The package definition has the shape of the .proto file.
const Inventory = (loaded.shop as unknown as { v1: { Inventory: grpc.ServiceClientConstructor } }).v1
  .Inventory;

export interface Item {
  readonly sku?: string;
  readonly inStock?: number;
  readonly price?: { readonly currency: string; readonly units: number } | null;
  readonly tags?: readonly string[];
  readonly byStore?: Readonly<Record<string, number>>;
  readonly state?: string;
}

export interface ShopServer extends AsyncDisposable {
  readonly address: HostPort;
  /** Metadata and messages of the calls that came, in order. */
  readonly seen: { readonly method: string; readonly request: unknown; readonly metadata: grpc.Metadata }[];
}

/** A shop that has ten of everything. */
export async function openShop(
  addServices: (server: grpc.Server) => void = () => undefined,
  credentials: grpc.ServerCredentials = grpc.ServerCredentials.createInsecure(),
): Promise<ShopServer> {
  const seen: { method: string; request: unknown; metadata: grpc.Metadata }[] = [];
  const itemOf = ({ sku }: { sku: string }): Item => ({
    sku,
    inStock: 10,
    price: { currency: "EUR", units: 5 },
    tags: ["real"],
    state: "AVAILABLE",
  });
  const server = new grpc.Server();
  server.addService(Inventory.service, {
    Get(call: grpc.ServerUnaryCall<{ sku: string }, Item>, reply: grpc.sendUnaryData<Item>) {
      seen.push({ method: "Get", request: call.request, metadata: call.metadata });
      const trailers = new grpc.Metadata();
      trailers.set("x-trailer", "real");
      if (call.request.sku === "none")
        reply({ code: grpc.status.NOT_FOUND, details: "no such item", metadata: trailers });
      else reply(null, itemOf(call.request), trailers);
    },
    Watch(call: grpc.ServerWritableStream<{ sku: string; amount: number }, Item>) {
      seen.push({ method: "Watch", request: call.request, metadata: call.metadata });
      for (let i = 0; i < (call.request.amount || 3); i++)
        call.write({ ...itemOf(call.request), inStock: i });
      if (call.request.sku !== "endless") call.end();
    },
    Count(call: grpc.ServerReadableStream<{ sku: string }, Item>, reply: grpc.sendUnaryData<Item>) {
      let count = 0;
      call.on("data", (request: unknown) => {
        seen.push({ method: "Count", request, metadata: call.metadata });
        count++;
      });
      call.on("end", () => reply(null, { sku: "all", inStock: count }));
    },
    Talk(call: grpc.ServerDuplexStream<{ sku: string }, Item>) {
      call.on("data", (request: { sku: string }) => {
        seen.push({ method: "Talk", request, metadata: call.metadata });
        call.write(itemOf(request));
      });
      call.on("end", () => call.end());
    },
  });
  addServices(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return {
    address: { host: "127.0.0.1", port },
    seen,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

/** How a call ended, and everything it gave. */
export interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly messages: readonly Item[];
  readonly metadata: grpc.Metadata | null;
  readonly trailers: grpc.Metadata | null;
}

export interface ShopClient extends Disposable {
  /** `requests`: one for unary and server-streaming calls. */
  call(
    method: "Get" | "Watch" | "Count" | "Talk",
    requests: readonly unknown[],
    options?: { metadata?: Readonly<Record<string, string>>; deadlineMs?: number },
  ): Promise<Outcome>;
  readonly raw: grpc.Client & Record<string, (...args: readonly unknown[]) => unknown>;
}

export function shopClient(
  address: HostPort,
  options: grpc.ClientOptions = {},
  credentials: grpc.ChannelCredentials = grpc.credentials.createInsecure(),
): ShopClient {
  const raw = new Inventory(`${address.host}:${address.port}`, credentials, options);
  return {
    // The constructor makes a method of each rpc.
    raw: raw as unknown as ShopClient["raw"],
    call: (method, requests, given = {}) => run(raw, method, requests, given),
    [Symbol.dispose]: () => raw.close(),
  };
}

function run(
  client: grpc.Client,
  method: string,
  requests: readonly unknown[],
  { metadata = {}, deadlineMs }: { metadata?: Readonly<Record<string, string>>; deadlineMs?: number },
): Promise<Outcome> {
  const sent = new grpc.Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    const messages: Item[] = [];
    let head: grpc.Metadata | null = null;
    // The generated methods are looked up by name; their shapes follow the kind of the rpc.
    const rpc = (
      client as unknown as Record<
        string,
        (...args: readonly unknown[]) => grpc.ClientDuplexStream<unknown, Item>
      >
    )[method];
    if (!rpc) throw new Error(`no rpc ${method}`);
    const done = (_error: unknown, value?: Item) => {
      if (value) messages.push(value);
    };
    const isUnary = method === "Get" || method === "Count";
    const streamsUp = method === "Count" || method === "Talk";
    const args = [...(streamsUp ? [] : [requests[0]]), sent, options, ...(isUnary ? [done] : [])];
    const call = rpc.apply(client, args);
    call.on("metadata", (given: grpc.Metadata) => {
      head = given;
    });
    call.on("error", () => undefined);
    if (!isUnary) call.on("data", (message: Item) => messages.push(message));
    call.on("status", ({ code, details, metadata: trailers }: grpc.StatusObject) =>
      // The callback of a unary call comes behind its status.
      setImmediate(() => resolve({ code, details, messages, metadata: head, trailers })),
    );
    if (streamsUp) {
      for (const request of requests) call.write(request);
      call.end();
    }
  });
}
