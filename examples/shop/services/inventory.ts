// The inventory: what is in stock, over gRPC.

import * as grpc from "@grpc/grpc-js";
import { type Stock, service } from "./inventory-api.ts";

const stock = new Map([
  ["lamp", 12],
  ["sofa", 3],
]);

const server = new grpc.Server();
server.addService(service, {
  GetStock(call: grpc.ServerUnaryCall<{ item: string }, Stock>, reply: grpc.sendUnaryData<Stock>) {
    const { item } = call.request;
    const count = stock.get(item);
    if (count === undefined) reply({ code: grpc.status.NOT_FOUND, details: `no ${item} here` });
    else reply(null, { item, count });
  },
});
server.bindAsync(`127.0.0.1:${process.env.PORT}`, grpc.ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});
process.once("SIGTERM", () => server.forceShutdown());
