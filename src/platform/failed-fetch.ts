// Why a fetch failed: browsers give pages one error for all reasons.
import type { FailedFetch, FetchProblem } from "./platform.js";

/** What is known of the page that a request failed in. */
export interface PageFacts {
  /** Its origin, such as `https://example.org`. */
  readonly origin: string;
  readonly isOnline: boolean;
  /** Whether the user has refused it access to the local network; undefined where no such permission exists. */
  readonly refusesLocalNetwork: boolean | undefined;
}

/** Explains a fetch that failed in this page, or in its worker. */
export async function explainHere(url: string, failed: FailedFetch): Promise<FetchProblem> {
  const target = new URL(url);
  const refusesLocalNetwork = addressSpace(target) === "public" ? undefined : await isLocalNetworkRefused();
  const page = { origin: globalThis.origin, isOnline: navigator.onLine, refusesLocalNetwork };
  return explain(target, page, () => isReachable(url, failed));
}

/** Why a request of a page to `target` failed. `isReachable` asks whether the server answers at all. */
export async function explain(
  target: URL,
  page: PageFacts,
  isReachable: () => Promise<boolean>,
): Promise<FetchProblem> {
  if (!page.isOnline && addressSpace(target) === "public") return OFFLINE;
  if (isMixed(target, page)) return mixed(target);
  const isLocal = addressSpace(target) !== "public" && isPublic(page.origin);
  if (isLocal && page.refusesLocalNetwork === true) return localRefused(target);
  if (target.origin !== page.origin && (await isReachable())) return noCors(target, page);
  return isLocal ? localUnreachable(target) : unreachable(target, page);
}

const OFFLINE: FetchProblem = {
  problem: "the server could not be reached: this computer is offline",
  advice: "connect it, and try again",
  isRefusal: false,
};

/** Browsers count names of this computer as secure. */
function isMixed(target: URL, page: PageFacts): boolean {
  return page.origin.startsWith("https:") && target.protocol === "http:" && addressSpace(target) !== "loopback";
}

function mixed(target: URL): FetchProblem {
  return {
    problem: "the browser refuses it as mixed content: the page is from https, the file from http",
    advice: `give the file's address with https (https://${target.host}), or serve it from the page's own server`,
    isRefusal: true,
  };
}

function noCors(target: URL, { origin }: PageFacts): FetchProblem {
  return {
    problem: "the server answers, but does not allow this page to read the file (CORS)",
    advice: `let ${target.host} send the header "Access-Control-Allow-Origin: ${origin}" (or *), also after redirects, and "Access-Control-Expose-Headers: Content-Range, ETag"; or serve the file from the page's own server; or download it by hand and pass the File`,
    isRefusal: true,
  };
}

function localRefused(target: URL): FetchProblem {
  return {
    problem: `the browser refuses it: this site may not reach the local network, where ${target.hostname} is`,
    advice:
      'allow "Local network access" in the settings of this site (the icon beside its address), and reload the page',
    isRefusal: true,
  };
}

function localUnreachable(target: URL): FetchProblem {
  return {
    problem: `the server could not be reached; ${target.hostname} is on the local network, and browsers ask before they let a site reach that`,
    advice: `check that ${target.origin} opens in a tab of its own; allow "Local network access" in the settings of this site; or open the page from the same server`,
    isRefusal: false,
  };
}

function unreachable(target: URL, page: PageFacts): FetchProblem {
  const policy =
    "look in the console for a Content-Security-Policy of the page that does not name the server (connect-src)";
  const isOwn = target.origin === page.origin;
  return {
    problem: `the server could not be reached${isOwn ? "" : ", or the page's Content-Security-Policy forbids it"}`,
    advice: isOwn
      ? "check the connection"
      : `check that ${target.origin} opens in a tab of its own; if it does, ${policy}`,
    isRefusal: false,
  };
}

/** Pages without an origin, as in a sandbox, have the origin "null". */
function isPublic(origin: string): boolean {
  return URL.canParse(origin) && addressSpace(new URL(origin)) === "public";
}

type AddressSpace = "loopback" | "local" | "public";

/** Which network an address is in, as far as its spelling tells (RFC 1918, RFC 4193, RFC 6761, RFC 6762). */
export function addressSpace({ hostname }: URL): AddressSpace {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (/^(localhost|.+\.localhost|127(\.\d+){3}|::1)$/.test(host)) return "loopback";
  if (/^(10(\.\d+){3}|192\.168(\.\d+){2}|172\.(1[6-9]|2\d|3[01])(\.\d+){2}|169\.254(\.\d+){2})$/.test(host))
    return "local";
  if (/^f[cd][0-9a-f]{2}:|^fe[89ab][0-9a-f]:/.test(host) || /\.(local|internal|home\.arpa)$/.test(host)) return "local";
  return "public";
}

/** A request without CORS needs no permission. Its answer cannot be read, but that there is one can be seen. */
async function isReachable(url: string, { fetch, signal }: FailedFetch): Promise<boolean> {
  try {
    const options = { method: "HEAD", mode: "no-cors", credentials: "omit", cache: "no-store" } as const;
    await fetch(url, { ...options, ...(signal && { signal }) });
    return true;
  } catch {
    return false;
  }
}

/** Chromium's permission. Other browsers do not know its name. */
async function isLocalNetworkRefused(): Promise<boolean | undefined> {
  try {
    const name = "local-network-access" as PermissionName;
    return (await navigator.permissions.query({ name })).state === "denied";
  } catch {
    return undefined;
  }
}
