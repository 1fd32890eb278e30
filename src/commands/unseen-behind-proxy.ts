// A command in a namespace that is told of a proxy. The tunnels of one that speaks plain HTTP are looked into; to one that speaks
// TLS or SOCKS nothing can be seen, and silence about that would look like mocks that do not work.

import { tunnelVariables } from "./way-out.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const unseen = /^(?:https|socks\w*):/i;

/** What is to be told to whoever runs a command with that environment; null: nothing. */
export function unseenBehindProxy(env: Environment): string | null {
  const set = tunnelVariables.filter((name) => unseen.test(env[name] ?? ""));
  if (set.length === 0) return null;
  const [verb, them] = set.length === 1 ? ["is", "it"] : ["are", "them"];
  const without = set.map((name) => `-u ${name}`).join(" ");
  return (
    `${set.join(" and ")} ${verb} set to a proxy that speaks TLS or SOCKS: rules do not see the HTTPS calls of programs that heed ` +
    `${them}; without ${them} they see each call: env ${without} understudy run …`
  );
}
