/**
 * What must never stand in a message, a log or a file: tokens, passwords, and the parts of addresses that carry them.
 *
 * Every typed error of this library passes its texts through here, so that whoever writes a message need not think of it.
 */

const HIDDEN = "…";

/** Values that were read from the environment or taken out of an address, to be recognised wherever they turn up. */
const known = new Set<string>();
// A shorter one would be found in the middle of ordinary words.
const SHORTEST_KNOWN = 6;

/** Notes a secret: from now on `hideSecrets` hides it. */
export function keepSecret(value: string): void {
  if (value.length >= SHORTEST_KNOWN) known.add(value);
}

/** Query parameters whose values say which file is meant. All others may hold a token, whatever their name. */
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
 * An address as it may be shown: without user, password, fragment, and the values of query parameters that may be secrets.
 * Anything that is no address is given back as it is.
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

/** In what is no address, such as one with a slash in its password, all that stands before the last "@" may be secret. */
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

// The lookbehind keeps a long run of letters from being tried at each of them.
const ADDRESS_IN_TEXT =
  /(?<![a-z0-9+.-])(?:[a-z][a-z0-9+.-]{0,20}:[\\/]{2,}|https?:[\\/]*)[^\s"'<>`]*[^\s"'<>`.,:;!?)\]}]/gi;
const CREDENTIALS = /\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/g;
// Names such as `hf_tokenizer_name` are of small letters alone; tokens are of 34 letters, large and small.
const HUB_TOKEN = /\bhf_(?:(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{8,}|[a-z]{20,})/g;

/** A text without the secrets in it: those that are known, tokens of the model hub, and what `publicUrl` hides of addresses. */
export function hideSecrets(text: string): string {
  let shown = hideKnown(text);
  if (shown.includes(":")) shown = shown.replace(ADDRESS_IN_TEXT, publicUrl);
  return shown.replace(CREDENTIALS, `$1 ${HIDDEN}`).replace(HUB_TOKEN, `hf_${HIDDEN}`);
}

/** A text without the secrets that are known; all else, addresses too, stays as it is. */
export function hideKnown(text: string): string {
  let shown = text;
  for (const secret of known) shown = shown.replaceAll(secret, HIDDEN);
  return shown;
}

/** True for the name of a setting that holds a secret: `hf_token`, `api-key`. */
export function isSecretName(name: string): boolean {
  return /token|secret|passw|api[_-]?key|access[_-]?key|credential|authorization/i.test(name);
}

// Causes have causes; deeper ones than this tell nobody anything.
const MAX_CAUSES = 8;

/** An error as the cause of another: itself where it holds no secret, else a copy that says the same without it. */
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

/** Whether an error holds others, of which each would have to be looked through. */
function hasParts(error: Error): boolean {
  return error instanceof AggregateError && error.errors.some((one) => withoutSecrets(one) !== one);
}

/** Options of an error whose cause holds no secret. */
export function safeOptions(options: ErrorOptions | undefined): ErrorOptions | undefined {
  return options && "cause" in options ? { ...options, cause: withoutSecrets(options.cause) } : options;
}
