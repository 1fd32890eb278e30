// The less asked parts of an admin port, for tests of the others.

import type { AdminSources } from "../../src/control/admin/routes.ts";

/** No mesh, and no fault was ever stopped. */
export const quietAdmin: Pick<AdminSources, "faults" | "mesh"> = {
  faults: {
    status: () => ({ halted: false, time: 0, by: "", faults: [], members: [] }),
    say: (halted, by) => ({ halted, time: 1, by, faults: [], members: [] }),
  },
  mesh: async () => null,
};
