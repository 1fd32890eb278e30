// The inventory as its server and its client know it: what shop.proto says.

import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export interface Stock {
  readonly item: string;
  readonly count: number;
}

const loaded = grpc.loadPackageDefinition(
  loadSync(fileURLToPath(new URL("./shop.proto", import.meta.url)), { defaults: true }),
);
// It has the shape of the .proto file: package shop, service Inventory.
const { Inventory } = loaded.shop as unknown as { readonly Inventory: grpc.ServiceClientConstructor };

export const { service } = Inventory;

/** A client of the inventory at `host:port`: rejects with what the status says, and its code. */
export function openInventory(address: string): { getStock(item: string): Promise<Stock> } {
  const client = new Inventory(address, grpc.credentials.createInsecure());
  return {
    getStock: (item) =>
      new Promise((resolve, reject) => {
        const call = client.GetStock?.bind(client); // made from the .proto file
        call?.({ item }, (error: grpc.ServiceError | null, stock: Stock) =>
          error ? reject(error) : resolve(stock),
        );
      }),
  };
}
