// Imported before all else by the process that reads rules, which seldom lives for a second: optimising what it runs costs
// it a fifth of its time, on a machine with one core. A large file is worth it, so the process switches it on again.

import { optimise } from "../../../core/optimising.ts";

optimise(false);
