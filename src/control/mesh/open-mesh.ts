// Opens a member on the real network, after a look at whether that is wise: a mesh without keys believes everybody who can
// send it a packet, so it listens on loopback alone unless told otherwise.

import { BlockList, isIPv6 } from "node:net";
import { formatHostPort, type HostPort } from "../../core/address.ts";
import { UnderstudyError } from "../../core/errors.ts";
import { Mesh, type MeshDeps, type MeshOptions } from "./mesh.ts";
import { openNetTransport } from "./net/net-transport.ts";

export interface OpenMeshOptions extends MeshOptions {
  /** Port 0: any. */
  readonly bind: HostPort;
  /** Whether a mesh without keys may listen beyond loopback. */
  readonly openWithoutKeys?: boolean;
}

/** Resolves to a member that is started and has joined nobody. Rejects with `bad_config`. */
export async function openMesh(options: OpenMeshOptions, deps: Omit<MeshDeps, "transport">): Promise<Mesh> {
  const keyless = (options.keys ?? []).length === 0;
  if (keyless && !options.openWithoutKeys && !isLoopback(options.bind.host))
    throw new UnderstudyError(
      "bad_config",
      `gossip: expected a key, or an address on loopback, since ${formatHostPort(options.bind)} can be reached by others`,
    );
  const transport = await openNetTransport(options.bind);
  try {
    const mesh = new Mesh(options, { ...deps, transport });
    mesh.start();
    return mesh;
  } catch (thrown) {
    await transport.close();
    throw thrown;
  }
}

function isLoopback(host: string): boolean {
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8, "ipv4");
  loopback.addAddress("::1", "ipv6");
  return loopback.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}
