/**
 * Keeps secrets out of messages, logs and files: tokens, passwords, and the parts of URLs that carry them.
 *
 * Every typed error of this library passes its texts through here, so that authors of messages need not think of it.
 */

const HIDDEN = "…";

/** Secrets from the environment or from URLs, to be recognised anywhere. */
const known = new Set<string>();
// A shorter one would be found in the middle of ordinary words.
const SHORTEST_KNOWN = 6;

/** Adds a secret that `hideSecrets` hides from now on. */
export function registerSecret(value: string): void {
  if (value.length >= SHORTEST_KNOWN) known.add(value);
}

/** Query parameters that say which file is meant. All others may hold a token. */
const SHOWN = new Set(
  "alt branch commit dl download export ext file filename format inline lang name path raw ref rev revision tag type v ver version".split(
    " ",
  ),
);
const SHOWN_VALUE = /^[\w.~/-]{0,40}$/;

// Browsers and Node also take one slash after `https:`, or none.
const SCHEME = /^(?:[a-z][a-z0-9+.-]*:[\\/]{2,}|https?:[\\/]*)/i;
// Scheme; user and password; host and path; query; fragment.
const ADDRESS = /^([a-z][a-z0-9+.-]*:[\\/]{2,}|https?:[\\/]*)([^/?#\\]*@)?([^?#]*)(\?[^#]*)?(#.*)?$/is;
const SECRET_IN_PATH = /((?:token|secret|passw|signature|api[_-]?key|session)[^/;,=]{0,40}=)[^/;,]+/gi;

/**
 * A URL that is safe to show: without user, password, fragment, and the values of query parameters that may be secrets.
 * Returns any other text unchanged.
 */
export function publicUrl(location: string): string {
  const parts = ADDRESS.exec(withoutBrokenUser(location));
  if (!parts) return location;
  const [, scheme = "", user, place = "", query, fragment] = parts;
  return [
    scheme,
    user === undefined ? "" : `${HIDDEN}@`,
    place.replace(SECRET_IN_PATH, `$1${HIDDEN}`),
    query === undefined ? "" : `?${query.slice(1).replace(/[^&;]+/g, publicParameter)}`,
    fragment === undefined ? "" : `#${HIDDEN}`,
  ].join("");
}

/** In a malformed URL, such as one with a slash in its password, everything before the last "@" may be secret. */
function withoutBrokenUser(location: string): string {
  const at = location.lastIndexOf("@");
  const scheme = at < 0 ? undefined : SCHEME.exec(location)?.[0];
  if (scheme === undefined || scheme.length > at || URL.canParse(location)) return location;
  return `${scheme}${HIDDEN}${location.slice(at)}`;
}

function publicParameter(parameter: string): string {
  const equals = parameter.indexOf("=");
  const name = equals < 0 ? parameter : parameter.slice(0, equals);
  const isShown = SHOWN.has(name.toLowerCase()) && (equals < 0 || SHOWN_VALUE.test(parameter.slice(equals + 1)));
  if (isShown) return parameter;
  return equals < 0 ? HIDDEN : `${name}=${HIDDEN}`;
}

// The lookbehind avoids quadratic time on long runs of letters.
const ADDRESS_IN_TEXT =
  /(?<![a-z0-9+.-])(?:[a-z][a-z0-9+.-]{0,20}:[\\/]{2,}|https?:[\\/]*)[^\s"'<>`]*[^\s"'<>`.,:;!?)\]}]/gi;
const CREDENTIALS = /\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/g;
// Names such as `hf_tokenizer_name` have only small letters. Tokens have 34 letters, small and capital.
const HUB_TOKEN = /\bhf_(?:(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{8,}|[a-z]{20,})/g;

// Keys of `dalle2 serve`. The first eight digits are their id, which is no secret.
const SERVER_KEY = /\bdalle2_([0-9a-f]{8})_[0-9a-f]{8,}/g;

/** Removes secrets from a text: known ones, keys of a server, tokens of the model hub, and what `publicUrl` hides in URLs. */
export function hideSecrets(text: string): string {
  let shown = hideKnown(text);
  if (shown.includes(":")) shown = shown.replace(ADDRESS_IN_TEXT, publicUrl);
  return shown
    .replace(CREDENTIALS, `$1 ${HIDDEN}`)
    .replace(HUB_TOKEN, `hf_${HIDDEN}`)
    .replace(SERVER_KEY, `dalle2_$1_${HIDDEN}`);
}

/** Removes only known secrets from a text. URLs and everything else stay. */
export function hideKnown(text: string): string {
  let shown = text;
  for (const secret of known) shown = shown.replaceAll(secret, HIDDEN);
  return shown;
}

/** True for the name of a setting that holds a secret: `hf_token`, `api-key`. */
export function isSecretName(name: string): boolean {
  return /token|secret|passw|api[_-]?key|access[_-]?key|credential|authorization/i.test(name);
}

// Longest chain of causes that is kept.
const MAX_CAUSES = 8;

/** An error as the cause of another: itself if it holds no secret, else a copy without secrets. */
export function withoutSecrets(cause: unknown, depth = 0): unknown {
  if (typeof cause === "string") return hideSecrets(cause);
  if (!(cause instanceof Error)) return cause;
  if (depth === MAX_CAUSES) return undefined;
  const inner = withoutSecrets(cause.cause, depth + 1);
  const own: readonly unknown[] = Object.values(cause);
  const texts = [cause.message, cause.stack ?? "", ...own].filter((one) => typeof one === "string");
  const isClean = inner === cause.cause && texts.every((text) => hideSecrets(text) === text) && !hasParts(cause);
  if (isClean) return cause;
  const copy = new Error(hideSecrets(cause.message), inner === undefined ? undefined : { cause: inner });
  copy.name = cause.name;
  copy.stack = hideSecrets(cause.stack ?? "");
  const { code } = cause as { readonly code?: unknown };
  return typeof code === "string" ? Object.assign(copy, { code }) : copy;
}

/** True if an error holds others with secrets. */
function hasParts(error: Error): boolean {
  return error instanceof AggregateError && error.errors.some((one) => withoutSecrets(one) !== one);
}

/** Options of an error, with secrets removed from the cause. */
export function safeOptions(options: ErrorOptions | undefined): ErrorOptions | undefined {
  return options && "cause" in options ? { ...options, cause: withoutSecrets(options.cause) } : options;
}
