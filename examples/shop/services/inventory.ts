// The inventory: what is in stock.

import { serve } from "./service.ts";

const stock = new Map([
  ["lamp", 12],
  ["sofa", 3],
]);

serve((call) => {
  const item = /^GET \/v1\/stock\/(\w+)$/.exec(call)?.[1];
  const count = item === undefined ? undefined : stock.get(item);
  return count === undefined ? [404, { error: "not_found" }] : [200, { item, stock: count }];
});
