// Names of hosts in the form that goes over the wire: labels of other scripts in ASCII (RFC 5891 §5).

import { domainToASCII } from "node:url";

/** `xn--bcher-kva.test` of `bücher.test`, whatever stands around it (a port, a dot before); what has no such form stays as it is. */
export function asciiHost(text: string): string {
  return text
    .split(".")
    .map((label) => (isAscii(label) ? label : asciiLabel(label)))
    .join(".");
}

/** With the port behind the last one. */
function asciiLabel(label: string): string {
  const [, name = "", port = ""] = /^([^:]*)(:\d+)?$/.exec(label) ?? [];
  const converted = domainToASCII(name);
  return converted === "" ? label : `${converted}${port}`;
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
