// A real Chromium for tests, driven by Playwright. It has a home of its own, so that what it shall trust stands in an
// NSS database there and nowhere else, which is how people have it trust an authority on Linux.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";

const program = whereIs("chromium");

/** Why there is none here; false where there is. */
export const noChromium: string | false =
  program !== "" && whereIs("certutil") !== ""
    ? false
    : "needs chromium and certutil (scripts/components.sh)";

export interface ChromiumOptions {
  /** PEM of authorities that it trusts besides its own. */
  readonly trust?: string;
  /** `http://HOST:PORT` of an explicit proxy, asked for loopback hosts too. */
  readonly proxy?: string;
}

export interface Chromium extends AsyncDisposable {
  newPage(): Promise<Page>;
}

/** Pages that are not there after so long fail. */
const patienceMs = 45_000;

export async function openChromium({ trust = "", proxy }: ChromiumOptions = {}): Promise<Chromium> {
  const home = mkdtempSync(join(tmpdir(), "understudy-chromium-"));
  const removeHome = () => rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  try {
    fillDatabase(home, trust);
    const browser = await chromium.launch({
      executablePath: program,
      args: ["--disable-dev-shm-usage", "--disable-gpu"],
      chromiumSandbox: false, // root cannot have it
      env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: "", TMPDIR: home },
      timeout: patienceMs,
      ...(proxy === undefined ? {} : { proxy: { server: proxy, bypass: "<-loopback>" } }),
    });
    return {
      async newPage() {
        const page = await browser.newPage();
        page.setDefaultTimeout(patienceMs);
        return page;
      },
      async [Symbol.asyncDispose]() {
        await browser.close();
        removeHome();
      },
    };
  } catch (thrown) {
    removeHome();
    throw thrown;
  }
}

/** "" where it is not in PATH. */
function whereIs(name: string): string {
  return spawnSync("sh", ["-c", 'command -v "$0"', name], { encoding: "utf8" }).stdout.trim();
}

/** One entry a certificate: certutil takes the first of a file. */
function fillDatabase(home: string, trust: string): void {
  const folder = join(home, ".pki/nssdb");
  mkdirSync(folder, { recursive: true });
  const certutil = (...words: readonly string[]) =>
    execFileSync("certutil", ["-d", `sql:${folder}`, ...words], { stdio: ["ignore", "ignore", "pipe"] });
  certutil("-N", "--empty-password");
  const certificates = trust.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  for (const [index, certificate] of certificates.entries()) {
    const file = join(home, "authority.pem");
    writeFileSync(file, `${certificate}\n`);
    certutil("-A", "-t", "C,,", "-n", `authority ${index}`, "-i", file);
  }
}

/** A page as a test sees it. */
export interface Visit {
  readonly status: number | null;
  readonly text: string;
  /** ALPN name of what carried it: `h2`, `http/1.1`. */
  readonly protocol: string;
}

/** Opens `url` in `page`. Rejects with Chromium's error where there is no page. */
export async function visit(page: Page, url: string): Promise<Visit> {
  const response = await page.goto(url);
  const text = await page.innerText("body");
  const protocol = await page.evaluate<string>(
    "performance.getEntriesByType('navigation')[0].nextHopProtocol",
  );
  return { status: response?.status() ?? null, text, protocol };
}
