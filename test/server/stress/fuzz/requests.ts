// Requests that nobody should send, as bytes. A request is a function of a seed and its number.
import {
  mutateJson,
  mutateJsonText,
  parseJson,
  printJson,
  randomJson,
  type Json,
} from "../../../fuzz/mutators/json.js";
import { concat, latin1, mutateBytes, utf8 } from "../../../fuzz/mutators/bytes.js";
import { randomText } from "../../../fuzz/mutators/text.js";
import { NASTY_NAMES } from "../../../fuzz/mutators/words.js";
import type { Random } from "../../../fuzz/random.js";
import { formOf } from "./forms.js";
import { randomImage, type ImageFiles } from "./images.js";

/** What requests are made of. */
export interface RequestParts {
  readonly token: string;
  readonly images: ImageFiles;
  /** Bytes that a body may have. */
  readonly maxBodyBytes: number;
}

/** A request before it is written. */
interface Request {
  method: string;
  path: string;
  headers: [name: string, value: string][];
  body: Uint8Array;
}

/** The bytes of a request. */
export function requestBytes(parts: RequestParts, random: Random): Uint8Array {
  if (random.chance(0.02)) return mutateBytes(utf8(randomText(random)), random);
  const request = random.chance(0.4)
    ? jsonRequest(random)
    : random.chance(0.8)
      ? formRequest(parts, random)
      : otherRequest(random);
  request.headers.unshift(["Host", "127.0.0.1"], ["Authorization", `Bearer ${parts.token}`]);
  if (random.chance(0.1))
    request.headers.push(["Idempotency-Key", random.pick(["a", "b", "", "k".repeat(300), "\xe9"])]);
  if (random.chance(0.01)) request.body = new Uint8Array(parts.maxBodyBytes + random.below(3) - 1).fill(32);
  const length = String(request.body.length);
  if (request.body.length > 0) request.headers.push(["Content-Length", length]);
  if (random.chance(0.15)) mutateHeaders(request, random);
  // So that the end of the answer can be seen.
  if (random.chance(0.97)) request.headers.push(["Connection", "close"]);
  const bytes = written(request, random);
  return random.chance(0.04) ? mutateBytes(bytes, random) : bytes;
}

const PROMPTS = ["a red circle", "a", "blue square & green triangle", "\u{1F600}", "null", "long ".repeat(100)];

/** A body that is valid, with some of all fields. */
function goodBody(random: Random): Record<string, unknown> {
  const some = (fields: Record<string, readonly unknown[]>, share: number) =>
    Object.fromEntries(
      Object.entries(fields).flatMap(([name, values]) => (random.chance(share) ? [[name, random.pick(values)]] : [])),
    );
  const extension = some(
    {
      seed: [0, 1, 4294967295],
      steps: [1, 2, [1], [null, 2]],
      condScale: [1, 2.5, [1, null]],
      sampler: ["ddim", "ddpm", "dpmpp2m"],
      priorSteps: [1, 3],
      candidates: [1, 2],
      negativePrompt: ["red"],
      previewEvery: [1, 2],
    },
    0.07,
  );
  return {
    prompt: random.pick(PROMPTS),
    ...some(
      {
        model: ["shapes", "shapes", "other", null, "none"],
        n: [1, 2, 10, null],
        size: ["auto", "64x64", "32x48", null],
        response_format: ["b64_json", "url", null],
        output_format: ["png", "jpeg", "webp"],
        output_compression: [100, 100, 50],
        stream: [true, false, null],
        partial_images: [0, 1, 3],
        user: ["me"],
        background: ["auto", "opaque", "auto", "opaque", "transparent"],
        quality: ["auto", "high"],
      },
      0.2,
    ),
    ...(Object.keys(extension).length > 0 ? { dalle2: extension } : {}),
  };
}

function jsonRequest(random: Random): Request {
  const json = JSON.stringify(goodBody(random));
  return {
    method: "POST",
    path: "/v1/images/generations",
    headers: [["Content-Type", random.chance(0.97) ? "application/json" : "text/plain; charset=utf-16"]],
    body: utf8(mutatedJson(json, random)),
  };
}

function mutatedJson(json: string, random: Random): string {
  if (random.chance(0.4)) return json;
  if (random.chance(0.05)) return printJson(randomJson(random));
  if (random.chance(0.01)) return `${"[".repeat(random.length(100_000))}1`;
  if (random.chance(0.15)) return mutateJsonText(json, random);
  let tree: Json = parseJson(json);
  for (let left = 1 + random.below(2); left > 0; left--) tree = mutateJson(tree, random);
  return printJson(tree);
}

const OF_VARIATIONS = ["model", "n", "size", "response_format", "user"];

function pick(fields: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
}

function formRequest({ images }: RequestParts, random: Random): Request {
  const isEdit = random.chance(0.6);
  const { prompt, ...others } = goodBody(random);
  const own = isEdit ? { prompt, ...others } : random.chance(0.9) ? pick(others, OF_VARIATIONS) : others;
  const fields = Object.entries(own).flatMap(([name, value]): [string, string][] => {
    if (name !== "dalle2") return [[name, String(value)]];
    if (random.chance(0.5)) return [[name, mutatedJson(JSON.stringify(value), random)]];
    return Object.entries(value as object).map(([key, item]) => [`dalle2[${key}]`, String(item)]);
  });
  const files: [string, Uint8Array][] = [["image", randomImage(images, random)]];
  // Of an edit without transparent pixels, nothing would be generated.
  if (isEdit && random.chance(0.3)) fields.push(["dalle2[from]", "a blue circle"]);
  if (isEdit && random.chance(0.4)) files.push(["mask", randomImage(images, random)]);
  const { contentType, body } = formOf(fields, files, random);
  return {
    method: "POST",
    path: isEdit ? "/v1/images/edits" : "/v1/images/variations",
    headers: [["Content-Type", contentType]],
    body,
  };
}

const METHODS = [
  "GET",
  "GET",
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "TRACE",
  "PURGE",
  "get",
  "X Y",
  "PRI",
];
const PATHS = [
  ...["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/models", "/v1/models/shapes", "/v1/models/none"],
  ...["/v1/images/edits", "/v1/images/generations/", "/v1//models", "/v1/%2e%2e/models", "/v1/models/%ff", "/%", "//"],
  ...["/results/a", "/results/../../etc/passwd", "/results/a.png?expires=1&signature=x", "/results/%2e%2e%2fkeys.json"],
  ...["*", "http://127.0.0.1/v1/models", "http://evil.example/", "/v1/models?x=%00", "/v1/models#a", "/\xff"],
];

function otherRequest(random: Random): Request {
  const path =
    random.pick(PATHS) +
    (random.chance(0.2) ? encodeURI(randomText(random, 6, 12_000).replace(/[\ud800-\udfff]/g, "")) : "");
  const body = random.chance(0.2) ? utf8(randomText(random)) : new Uint8Array(0);
  return { method: random.pick(METHODS), path, headers: [], body };
}

/** Headers that are added or put in the place of others. */
const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  ["Host", ["", "evil.example", "127.0.0.1:99999", "localhost", "[::1]", "a b", "127.0.0.1.evil.example", "\xff"]],
  ["Origin", ["null", "http://evil.example", "http://127.0.0.1", "%", "http://[", ""]],
  [
    "Authorization",
    ["", "Bearer", "Bearer x", "Basic YTpi", `Bearer dalle2_${"0".repeat(8)}_${"0".repeat(64)}`, "\xff"],
  ],
  ["Content-Length", ["0", "1", "-1", "+5", "1e3", "0x10", "99999999999999999999", "5, 5", ""]],
  ["Transfer-Encoding", ["chunked", "gzip, chunked", "identity", "chunked, chunked", "x"]],
  [
    "Content-Type",
    ["", "application/json; charset=utf-7", "multipart/form-data", "multipart/form-data; boundary=", "\xff", "*/*"],
  ],
  ["Content-Encoding", ["gzip", "br", "identity"]],
  ["Expect", ["100-continue", "200-ok"]],
  ["Upgrade", ["websocket", "h2c"]],
  ["Connection", ["upgrade", "keep-alive", "close, close"]],
  ["Access-Control-Request-Method", ["POST", "X"]],
  ["Idempotency-Key", ["\x01", "a,b", "é"]],
  ["If-None-Match", ["*"]],
  ["Range", ["bytes=0-1", "bytes=-1", "x"]],
  ["X-Forwarded-Host", ["evil.example"]],
  ["Cookie", ["a=b; ".repeat(2000)]],
];

function mutateHeaders({ headers }: Request, random: Random): void {
  for (let left = 1 + random.below(2); left > 0; left--) {
    const [name, values] = random.pick(HEADERS);
    const value = random.chance(0.9) ? random.pick(values) : randomText(random, 5, 20_000);
    const at = headers.findIndex(([known]) => known === name);
    const known = random.chance(0.05) ? random.pick(NASTY_NAMES) : name;
    if (at >= 0 && random.chance(0.7)) headers.splice(at, 1, [known, value]);
    else headers.push([known, value]);
  }
  if (random.chance(0.01)) headers.push(...random.list(random.length(3000), (): [string, string] => ["X-A", "b"]));
}

function written({ method, path, headers, body }: Request, random: Random): Uint8Array {
  const version = random.chance(0.98)
    ? "HTTP/1.1"
    : random.pick(["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.1 x", ""]);
  const lines = [`${method} ${path} ${version}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  const end = random.chance(0.99) ? "\r\n" : random.pick(["\n", "\r", "\r\n "]);
  // One byte for each character, as headers have.
  const head = latin1(`${lines.join(end)}${end}${end}`.replace(/[^\0-\xff]/g, "\xff"));
  const isChunked = headers.some(([name, value]) => name === "Transfer-Encoding" && value === "chunked");
  return concat([head, isChunked && random.chance(0.8) ? chunked(body, random) : body]);
}

/** A body in chunks, whose sizes are wrong now and then. */
function chunked(body: Uint8Array, random: Random): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length;) {
    const size = 1 + random.length(body.length);
    const said = random.chance(0.97)
      ? Math.min(size, body.length - at).toString(16)
      : random.pick(["-1", "fffffffff", "x", "1;a=b", ""]);
    parts.push(latin1(`${said}\r\n`), body.subarray(at, at + size), latin1("\r\n"));
    at += size;
  }
  return concat([...parts, latin1("0\r\n\r\n")]);
}
