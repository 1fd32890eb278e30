// The store behind a URL. Its client is loaded only when a store is named: both bring megabytes that others do without.

import type { StoreAccess } from "../../../core/store-access.ts";
import type { StoreUrl } from "../../../core/store-url.ts";
import type { KeyValueStore } from "./key-value-store.ts";
import type { StoreDeps } from "./store-deps.ts";

/** Connects to nothing yet. The caller closes it. */
export async function openStore(url: StoreUrl, access: StoreAccess, deps: StoreDeps): Promise<KeyValueStore> {
  switch (url.kind) {
    case "consul":
      return (await import("./consul-store.ts")).consulStore(url, access, deps);
    case "etcd":
      return (await import("./etcd-store.ts")).etcdStore(url, access, deps);
    default:
      return url.kind satisfies never;
  }
}
