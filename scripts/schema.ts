// Writes config/rules.schema.json: `npm run schema`. A test fails while the file is older than the schemas.

import { writeFileSync } from "node:fs";
import { rulesJsonSchema } from "../src/control/rules/json-schema.ts";

const file = new URL("../config/rules.schema.json", import.meta.url);
writeFileSync(file, `${JSON.stringify(rulesJsonSchema(), null, 2)}\n`);
