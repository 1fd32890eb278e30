// The payment service: takes every charge, and tells how many it has seen. Over HTTPS.

import { serve } from "./service.ts";

let charges = 0;

serve((call) => {
  if (call === "GET /v1/charges/count") return [200, { charges }];
  if (call !== "POST /v1/charges") return [404, { error: "not_found" }];
  charges += 1;
  return [201, { id: `ch_${charges}`, status: "succeeded" }];
});
