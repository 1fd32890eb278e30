// `understudy ca init|show|rotate`: the user's own certificate authority, with which TLS is opened.

import {
  type AuthorityFacts,
  initAuthority,
  openAuthority,
  readFacts,
  replacedFor,
  rotateAuthority,
} from "../control/ca/folder.ts";
import { allOptions } from "../control/config/options.ts";
import { systemClock } from "../core/clock.ts";
import { UnderstudyError } from "../core/errors.ts";
import { type Command, exitCodes, type Shell } from "./command.ts";
import { readCommandLine } from "./options.ts";
import { authorityFolder, authorityName } from "./tls-setup.ts";

const where = `The authority is in the folder of --ca-dir, UNDERSTUDY_CA_DIR or tls.caDir in
the config file; left out: $XDG_CONFIG_HOME/understudy/ca, which usually is
~/.config/understudy/ca.

  --ca-dir FOLDER   the folder
  --config FILE     a config file, as for understudy sidecar
  --json            the answer as JSON
  -h, --help        this text

Exit code: 0, 64 the command line is not understood, 78 the authority or a value
of the config is wrong.
`;

const initHelp = `Usage: understudy ca init [--ca-dir FOLDER] [--json]

Makes a certificate authority of your own, good for a year: ca.pem for whoever
shall trust it, ca.key (0600) for nobody else. With it, sidecar and proxy open
the TLS connections that a rule concerns. \`run\` needs none: it makes a passing
one that its command alone trusts.

What exists is never overwritten.

${where}`;

const showHelp = `Usage: understudy ca show [--ca-dir FOLDER] [--json]

Shows the authority's fingerprint, its time and its files, and how to trust it.
Says what is wrong with it where a sidecar could not use it; the exit code is 78
then.

${where}`;

const rotateHelp = `Usage: understudy ca rotate [--ca-dir FOLDER] [--json]

Replaces the authority. The old certificate stays among those that \`run\` has its
command trust for ${replacedFor}, until nothing that it signed is in use.
Programs that serve with the old one go on with it until they are restarted.

${where}`;

export const caInit = caCommand("ca init", "Make a certificate authority of your own", initHelp, (folder) =>
  initAuthority(folder, authorityName(), systemClock),
);
export const caShow = caCommand(
  "ca show",
  "Show your authority, and how to trust it",
  showHelp,
  (folder) => readFacts(folder, systemClock),
  // What is shown may be of no use without its key.
  async (folder) => void (await openAuthority(folder, systemClock)),
);
export const caRotate = caCommand("ca rotate", "Replace your authority by a new one", rotateHelp, (folder) =>
  rotateAuthority(folder, authorityName(), systemClock),
);

/** Options that say nothing about an authority. */
const others = allOptions.map(({ key }) => key).filter((key) => key !== "tls.caDir" && key !== "json");

function caCommand(
  name: string,
  summary: string,
  help: string,
  perform: (folder: string) => Promise<AuthorityFacts>,
  verify: (folder: string) => Promise<void> = async () => undefined,
): Command {
  return {
    name,
    summary,
    help,
    async run(args, shell) {
      const line = await readCommandLine(args, shell, {
        command: name,
        operands: "none",
        withoutOptions: others,
      });
      if (line === "help") {
        shell.stdout.write(help);
        return exitCodes.ok;
      }
      const folder = requireFolder(line.config.tls.caDir, shell);
      const facts = await perform(folder);
      shell.stdout.write(line.config.json ? factsJson(facts) : factsText(facts));
      await verify(folder);
      return exitCodes.ok;
    },
  };
}

function requireFolder(caDir: string | null, shell: Shell): string {
  const folder = authorityFolder({ caDir }, shell);
  if (folder !== null) return folder;
  throw new UnderstudyError(
    "bad_config",
    "--ca-dir: expected a folder, since neither XDG_CONFIG_HOME nor HOME is set",
  );
}

function factsText(facts: AuthorityFacts): string {
  const file = facts.certificateFile;
  const old = facts.keepsReplaced ? "replaced.pem beside it is still trusted by what run starts\n" : "";
  return `certificate  ${file}
subject      ${facts.subject}
SHA-256      ${facts.fingerprint}
valid        ${day(facts.notBefore)} to ${day(facts.notAfter)}
${old}
What \`understudy run\` starts trusts it already. Elsewhere:
  curl       curl --cacert ${file} …
  node       NODE_EXTRA_CA_CERTS=${file}
  python     SSL_CERT_FILE=${file} (requests: REQUESTS_CA_BUNDLE), which then is all that it trusts
  browser    Chromium: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n understudy -i ${file}
             Firefox: Settings, Certificates, View Certificates, Authorities, Import
  system     Debian: copy it to /usr/local/share/ca-certificates/understudy.crt, then update-ca-certificates
`;
}

function factsJson({ certificateFile, fingerprint, keepsReplaced, ...facts }: AuthorityFacts): string {
  const answer = { certificate: certificateFile, sha256: fingerprint, ...facts, keepsReplaced };
  return `${JSON.stringify(answer)}\n`;
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
