// Hugging Face's model hub: where its files have their checksum, and how one proves that one may read them.
import { environmentVariable } from "#platform";
import { FileError } from "../platform/errors.js";
import { keepSecret } from "../platform/secrets.js";

const HUB = "https://huggingface.co";

/** Environment variables with a token for the hub; the first one that is set is taken. */
export const TOKEN_VARIABLES = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] as const;

/** Where the hub is reached: `HF_ENDPOINT` names a mirror, as for Hugging Face's own libraries. */
function endpoint(): string {
  const mirror = environmentVariable("HF_ENDPOINT")?.replace(/\/+$/, "");
  return mirror === undefined || mirror === "" ? HUB : mirror;
}

/** The path below the hub, or below its mirror; undefined for any other server. */
function hubPath(url: string): string | undefined {
  const { href } = new URL(url);
  const base = [HUB, endpoint()].find((host) => href.startsWith(`${host}/`));
  return base === undefined ? undefined : href.slice(base.length);
}

export function isOnHub(url: string): boolean {
  return hubPath(url) !== undefined;
}

/** The address to ask: the mirror's for what is on the hub. Throws FileError where `HF_ENDPOINT` is no address. */
export function addressOf(url: string): string {
  const path = hubPath(url);
  if (path === undefined) return url;
  const address = endpoint() + path;
  if (URL.canParse(address)) return address;
  throw new FileError(url, "the address in the environment variable HF_ENDPOINT is not valid", {
    advice: "check how it is written",
  });
}

/**
 * The token to send along; undefined for every server but the hub, or where none is set. Throws FileError where it holds
 * what no token has, and no header can: it names the variable, never the value.
 */
export function tokenFor(url: string): string | undefined {
  const variable = isOnHub(url) ? tokenVariable() : undefined;
  const token = variable === undefined ? undefined : environmentVariable(variable)?.trim();
  if (variable === undefined || token === undefined) return undefined;
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new FileError(
      url,
      `the token in the environment variable ${variable} has a line break, a space or a letter that no token has`,
      { advice: "set it anew" },
    );
  }
  keepSecret(token);
  return token;
}

/** Keeps the tokens in the environment out of all that is said, from here on: also of what repeats the user's words. */
export function hideTokens(): void {
  for (const name of TOKEN_VARIABLES) keepSecret(environmentVariable(name)?.trim() ?? "");
}

/** The environment variable that the token is taken from; undefined where none is set. */
export function tokenVariable(): string | undefined {
  return TOKEN_VARIABLES.find((name) => environmentVariable(name)?.trim());
}

/**
 * Where the hub says which content a file of its has: `raw` in place of `resolve` gives the git LFS pointer of a large
 * file, and a small one itself. Undefined for other addresses. dalle2-laion (dalle2_laion/config.py, File) does it for `main`.
 */
export function hubChecksumUrl(url: string): string | undefined {
  const match = /^(\/(?:(?:datasets|spaces)\/)?[^/]+(?:\/[^/]+)?)\/resolve\/([^?#]+)/.exec(hubPath(url) ?? "");
  return match ? `${HUB}${match[1]}/raw/${match[2]}` : undefined;
}
