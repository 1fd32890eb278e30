// The search: products whose name contains what is looked for.

import { serve } from "./service.ts";

const products = ["desk lamp", "floor lamp", "sofa", "sofa bed"];

serve((call, query) => {
  if (call !== "GET /v1/search") return [404, { error: "not_found" }];
  const wanted = query.get("q") ?? "";
  return [200, { products: products.filter((product) => product.includes(wanted)) }];
});
