// Hugging Face's model hub: checksums of its files, and access tokens.
import { environmentVariable, hasEnvironment } from "#platform";
import { FileError } from "../platform/errors.js";
import { registerSecret } from "../platform/secrets.js";

export const HUB = "https://huggingface.co";

/** Environment variables with a token for the hub. The first that is set counts. */
export const TOKEN_VARIABLES = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] as const;

/** The address of the hub. `HF_ENDPOINT` names a mirror, as in Hugging Face's own libraries. */
function endpoint(): string {
  const mirror = environmentVariable("HF_ENDPOINT")?.replace(/\/+$/, "");
  return mirror === undefined || mirror === "" ? HUB : mirror;
}

/** The path on the hub or its mirror; undefined for any other server. */
export function hubPath(url: string): string | undefined {
  const { href } = new URL(url);
  const base = [HUB, endpoint()].find((host) => href.startsWith(`${host}/`));
  return base === undefined ? undefined : href.slice(base.length);
}

export function isOnHub(url: string): boolean {
  return hubPath(url) !== undefined;
}

/** The URL to request: on the mirror for files of the hub. Throws FileError if `HF_ENDPOINT` is not a valid address. */
export function addressOf(url: string): string {
  const path = hubPath(url);
  if (path === undefined) return url;
  const address = endpoint() + path;
  if (URL.canParse(address)) return address;
  throw new FileError(url, "the address in the environment variable HF_ENDPOINT is not valid", {
    advice: "check its spelling",
  });
}

/**
 * The token to send; undefined for other servers than the hub, or if none is set. Throws FileError if the token has
 * characters that are not allowed in a header. The message names the variable, never the value.
 */
export function tokenFor(url: string): string | undefined {
  const variable = isOnHub(url) ? tokenVariable() : undefined;
  const token = variable === undefined ? undefined : environmentVariable(variable)?.trim();
  if (variable === undefined || token === undefined) return undefined;
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new FileError(
      url,
      `the token in the environment variable ${variable} has a line break, a space or another character that tokens do not have`,
      { advice: "set it again" },
    );
  }
  registerSecret(token);
  return token;
}

/** Hides the tokens in the environment from all messages from now on. */
export function hideTokens(): void {
  for (const name of TOKEN_VARIABLES) registerSecret(environmentVariable(name)?.trim() ?? "");
}

/** How to get access to a private file of the hub. A page has no environment, and should not hold a token. */
export function tokenAdvice(): string {
  return hasEnvironment
    ? `set ${TOKEN_VARIABLES[0]} to the token of an account that has access`
    : "download the files with an account that has access, and serve them beside the page";
}

/** The environment variable that has a token; undefined if none is set. */
export function tokenVariable(): string | undefined {
  return TOKEN_VARIABLES.find((name) => environmentVariable(name)?.trim());
}

/**
 * The URL of a hub file's checksum: `raw` in place of `resolve` gives the git LFS pointer of a large file, and a small file
 * itself. Undefined for other URLs. dalle2-laion (dalle2_laion/config.py, File) does this for `main`.
 */
export function hubChecksumUrl(url: string): string | undefined {
  const match = /^(\/(?:(?:datasets|spaces)\/)?[^/]+(?:\/[^/]+)?)\/resolve\/([^?#]+)/.exec(hubPath(url) ?? "");
  return match ? `${HUB}${match[1]}/raw/${match[2]}` : undefined;
}
