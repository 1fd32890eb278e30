// A TLS server that is not Node's: Python's, which lets OpenSSL verify client certificates within the handshake, and so
// answers them with alerts, as most servers do. Node's takes any, looks at it later, and closes without a word.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ForeignCertificate } from "./foreign-certificates.ts";

const program = `
import socket, ssl, sys
folder, newest = sys.argv[1:3]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.maximum_version = ssl.TLSVersion[newest]
context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
context.load_verify_locations(folder + "/clients.pem")
context.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    connection.settimeout(5)
    try:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 7\\r\\nconnection: close\\r\\n\\r\\nwelcome")
    except OSError:
        connection.close()
`;

/** Why tests with it are to be skipped; false where they are not. */
export const noPython: string | false = hasPython() ? false : "needs python3 (scripts/components.sh)";

export interface StrictServer extends AsyncDisposable {
  readonly port: number;
}

/** On 127.0.0.1, demanding a client certificate of the authority `clients` (PEM). */
export async function openStrictServer(
  server: ForeignCertificate,
  clients: string,
  newest: "TLSv1_2" | "TLSv1_3",
): Promise<StrictServer> {
  const folder = mkdtempSync(join(tmpdir(), "understudy-strict-"));
  writeFileSync(join(folder, "server.pem"), server.certificate);
  writeFileSync(join(folder, "server.key"), server.key, { mode: 0o600 });
  writeFileSync(join(folder, "clients.pem"), clients);
  const child = spawn("python3", ["-c", program, folder, newest], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout, "data");
  return {
    port: Number(String(line)),
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function hasPython(): boolean {
  try {
    execFileSync("python3", ["-c", "import ssl; ssl.TLSVersion.TLSv1_3"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
