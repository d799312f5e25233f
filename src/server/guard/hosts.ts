// Which names of the server and which origins of pages are allowed.
import { isIP } from "node:net";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);
const ANY_ADDRESS = new Set(["0.0.0.0", "::", ""]);

/** Whether a server that binds to this host is reached from this machine only. */
export function isLoopback(host: string): boolean {
  const name = withoutBrackets(host);
  return LOOPBACK.has(name) || /^127(\.\d{1,3}){3}$/.test(name);
}

/** What decides about `Host`. */
export interface AllowedHosts {
  /** The host that the server binds to. */
  readonly boundHost: string;
  /** Further names, without port. */
  readonly allowedHosts: readonly string[];
}

/**
 * A test of `Host` headers. Allowed are the names of this machine for itself, the bound address and the given names; for a server
 * on all addresses, also every IP address. A page of a stranger can make its own name lead to this server (DNS rebinding), but
 * not an address.
 */
export function hostTest({ boundHost, allowedHosts }: AllowedHosts): (host: string) => boolean {
  const names = new Set([...LOOPBACK, ...[boundHost, ...allowedHosts].map((name) => withoutBrackets(name))]);
  const takesAddresses = ANY_ADDRESS.has(withoutBrackets(boundHost));
  return (host) => {
    const name = nameIn(host);
    return name !== undefined && (names.has(name) || (takesAddresses && isIP(name) !== 0));
  };
}

/** The name in a `Host` header, without port; undefined if it is malformed. */
function nameIn(host: string): string | undefined {
  const [, name] = /^([\w.-]{1,253}|\[[\da-fA-F:.]{2,45}\])(?::\d{1,5})?$/.exec(host) ?? [];
  return name === undefined ? undefined : withoutBrackets(name);
}

function withoutBrackets(name: string): string {
  return name.toLowerCase().replace(/^\[(.*)\]$/, "$1");
}

/**
 * A test of `Origin` headers: allowed are pages of this server, whatever TLS proxy stands before it, and the given origins. `*`
 * among these allows all.
 */
export function originTest(allowedOrigins: readonly string[]): (origin: string, host: string) => OriginKind {
  const allowed = new Set(allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  return (origin, host) => {
    // Of sandboxed pages and of files. They are nobody's.
    if (origin !== "null" && URL.canParse(origin) && isSameHost(origin, host)) return "same";
    return allowed.has("*") || allowed.has(origin.toLowerCase()) ? "allowed" : "foreign";
  };
}

/** `same`: a page of this server. `allowed`: one that may call it (CORS). `foreign`: any other. */
export type OriginKind = "same" | "allowed" | "foreign";

function isSameHost(origin: string, host: string): boolean {
  const { protocol, host: of } = new URL(origin);
  const ports: Readonly<Record<string, string>> = { "http:": ":80", "https:": ":443" };
  const port = ports[protocol];
  if (port === undefined) return false;
  // An origin never names the default port of its scheme; `Host` may.
  const asked = host.toLowerCase();
  return asked === of || asked === `${of}${port}`;
}
