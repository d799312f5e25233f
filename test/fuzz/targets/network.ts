// Responses of servers, URLs, and the files beside models.
import fc from "fast-check";
import { parseChecksum } from "../../../src/files/checksum.js";
import { openUrl } from "../../../src/files/http.js";
import { hubChecksumUrl } from "../../../src/files/hub.js";
import { isUrl, resolveBeside } from "../../../src/files/open.js";
import { request } from "../../../src/files/request.js";
import { corpus } from "../corpus.js";
import { drawn, made, mixed } from "../inputs.js";
import { mutateBytes, utf8 } from "../mutators/bytes.js";
import { randomName } from "../mutators/json.js";
import { promise, type Target } from "../target.js";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const SHA256 = "0123456789abcdef".repeat(4);
const CHECKSUMS = [
  SHA256,
  `${SHA256}  model.pth\n`,
  `# sums\r\n${SHA256} *folder/model.pth\r\n${SHA256}  other.pth\r\n`,
  `SHA256 (model.pth) = ${SHA256}\n`,
  `version https://git-lfs.github.com/spec/v1\noid sha256:${SHA256}\nsize 123\n`,
].map(utf8);

/** Checksum files. */
export function checksum(): Target {
  const inputs = mixed(
    [3, made((random) => mutateBytes(random.pick(CHECKSUMS), random, CHECKSUMS))],
    [
      1,
      made((random) =>
        utf8(
          random
            .list(random.length(400), () => `${SHA256} ${random.pick([" ", "*", ""])}${randomName(random)}`)
            .join("\n"),
        ),
      ),
    ],
    [1, made((random) => utf8(random.pick([" ", "\n", "\t", "0", "#\n"]).repeat(random.length(40_000)) + "x"))],
  );
  const run = (bytes: Uint8Array): void => {
    const found = parseChecksum(decode(bytes), "model.pth", "sums");
    promise(found === undefined || /^[0-9a-f]{64}$/.test(found.sha256), "gives a checksum that is none");
    const { size = 0 } = found ?? {};
    promise(Number.isSafeInteger(size) && size >= 0, `gives the size ${size}`);
  };
  return { seeds: [...CHECKSUMS, ...corpus("checksum")], inputs, refusals: ["FileError"], run };
}

const ADDRESSES = [
  "https://huggingface.co/owner/name/resolve/main/model.pth?download=true#x",
  "https://huggingface.co/datasets/owner/name/resolve/main/a%2fb",
  "https://huggingface.co.evil.example/x",
  "https://huggingface.co@evil.example/x",
  "https://huggingface.co:444/x/y/resolve/main/z",
  "https://user:password@example.org/a/b.json",
  "HTTP://EXAMPLE.ORG/a/../b.json",
  "configs/shapes.json",
  "/absolute/model.pth",
  "file:///etc/passwd",
].map(utf8);
/** The only server that may get the token. */
const HUB = "huggingface.co";

/** URLs: two in an input. A file at the first names the second. */
export function address(): Target {
  const one = (bytes: Uint8Array) => decode(bytes).replaceAll("\n", " ");
  const inputs = made((random) => {
    const some = () =>
      one(random.chance(0.3) ? utf8(randomName(random)) : mutateBytes(random.pick(ADDRESSES), random, ADDRESSES));
    return utf8(`${random.chance(0.5) ? one(random.pick(ADDRESSES)) : some()}\n${some()}`);
  });
  const run = async (bytes: Uint8Array): Promise<void> => {
    const [base = "", location = ""] = decode(bytes).split("\n");
    for (const url of [base, location].filter(isUrl)) await checkToken(url);
    const resolved = resolveBeside(base, location);
    if (isUrl(base)) promise(isUrl(resolved), "a file on a server names one on this machine");
  };
  return { seeds: [...ADDRESSES, ...corpus("address")], inputs, refusals: ["FileError", "ConfigError"], run };
}

async function checkToken(url: string): Promise<void> {
  const answer = (input: string | URL | Request, { headers }: RequestInit = {}): Promise<Response> => {
    const { host, protocol } = new URL(input instanceof Request ? input.url : input);
    const isSent = new Headers(headers).has("authorization");
    promise(!isSent || (host === HUB && protocol === "https:"), `sends the token to ${protocol}//${host}`);
    return Promise.resolve(new Response());
  };
  await request(url, { fetch: answer });
  const sums = hubChecksumUrl(url);
  promise(sums === undefined || new URL(sums).host === HUB, "looks for the checksum of the hub elsewhere");
}

const size = fc.oneof(fc.nat({ max: 40 }), fc.constantFrom(-1, 2 ** 31, 2 ** 53, 1e21));
const rangeText = fc.oneof(
  fc.tuple(size, size, size).map(([start, end, all]) => `bytes ${start}-${end}/${all}`),
  fc.constantFrom(
    "bytes 0-0/10",
    "bytes */10",
    "bytes 0-3/4",
    "bytes 0-0/*",
    "items 0-0/1",
    "bytes 0-0/10\t",
    "bytes 00-0/010",
  ),
  fc.stringMatching(/^[ -~]{0,20}$/),
);
const response = fc.record({
  status: fc.oneof(
    { weight: 5, arbitrary: fc.constant(206) },
    fc.constantFrom(200, 204, 301, 403, 404, 416, 429, 500, 503),
  ),
  range: fc.option(rangeText),
  etag: fc.option(fc.constantFrom('"a"', '"b"', "W/x")),
  retryAfter: fc.option(fc.constantFrom("1", "-1", "1e999", "soon", "99999999999999")),
  chunks: fc.array(fc.nat({ max: 12 }), { maxLength: 4 }),
});
interface Answer {
  readonly status: number;
  readonly range: string | null;
  readonly etag: string | null;
  readonly retryAfter: string | null;
  readonly chunks: readonly number[];
}

function answerOf({ status, range, etag, retryAfter, chunks }: Answer): Response {
  const headers = new Headers();
  for (const [name, value] of Object.entries({ "content-range": range, etag, "retry-after": retryAfter })) {
    if (value !== null) headers.set(name, value);
  }
  const hasBody = status !== 204 && status !== 304;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const length of chunks) controller.enqueue(new Uint8Array(length));
      controller.close();
    },
  });
  return new Response(hasBody ? body : null, { status, headers });
}

/** Responses of servers to range requests: JSON for the first and for all others. */
export function http(): Target {
  const encode = (answers: readonly [Answer, Answer]) => utf8(JSON.stringify(answers));
  const good: Answer = { status: 206, range: "bytes 0-0/10", etag: null, retryAfter: null, chunks: [1] };
  const rest: Answer = { ...good, range: "bytes 2-5/10", chunks: [2, 2] };
  const second = fc.oneof(
    response,
    fc.constantFrom([4], [2, 2], [0, 1, 3], [], [3], [5], [4, 1]).map((chunks) => ({ ...rest, chunks })),
  );
  const run = async (bytes: Uint8Array): Promise<void> => {
    const answers = parseAnswers(bytes);
    if (!answers) return;
    let asked = 0;
    const fetch = () => Promise.resolve(answerOf(answers[Math.min(asked++, 1)]!));
    const source = await openUrl("https://example.org/model.pth", { fetch });
    promise(Number.isSafeInteger(source.size) && source.size >= 0, `gives the size ${source.size}`);
    const { length } = await source.read(2, 4);
    promise(length === 4, `a read of 4 bytes gave ${length}`);
    await source.close();
  };
  return {
    seeds: [encode([good, rest])],
    inputs: drawn(fc.tuple(fc.oneof(response, fc.constant(good), fc.constant(good)), second), encode),
    refusals: ["FileError"],
    run,
  };
}

/** Undefined for the rest of a truncated input. */
function parseAnswers(bytes: Uint8Array): readonly [Answer, Answer] | undefined {
  try {
    return JSON.parse(decode(bytes)) as [Answer, Answer];
  } catch {
    return undefined;
  }
}
