import { afterEach, describe, expect, it, vi } from "vitest";
import { parseChecksum } from "../../src/files/checksum.js";
import { addressOf, hubChecksumUrl, tokenFor } from "../../src/files/hub.js";

const SUM = "0123456789abcdef".repeat(4);
const OTHER = "f".repeat(64);

describe("a checksum file", () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${SUM}\nsize 4951\n`;
  const cases: readonly (readonly [string, string, { sha256: string; size?: number } | undefined])[] = [
    ["a git LFS pointer", pointer, { sha256: SUM, size: 4951 }],
    ["bare hexadecimal", `${SUM.toUpperCase()}\n`, { sha256: SUM }],
    ["sha256sum's output", `${SUM}  model.pth\n`, { sha256: SUM }],
    ["sha256sum's output for binary files", `${SUM} *model.pth\r\n`, { sha256: SUM }],
    ["sha256sum --tag's output", `SHA256 (out/model.pth) = ${SUM}\n`, { sha256: SUM }],
    ["one line for a file of another name", `${SUM}  weights/best.pth\n`, { sha256: SUM }],
    ["several lines", `${OTHER}  other.pth\n${SUM}  ./model.pth\n`, { sha256: SUM }],
    ["lines with a gap and a remark", `# models\n${OTHER}  other.pth\n\n${SUM}  model.pth\n`, { sha256: SUM }],
    ["an MD5", "d41d8cd98f00b204e9800998ecf8427e", undefined],
    ["a config", '{"unets": []}', undefined],
    ["a pointer by another hash", "version https://git-lfs.github.com/spec/v1\noid md5:00\nsize 1\n", undefined],
    ["nothing", "", undefined],
  ];
  it.each(cases)("is read if it is %s", (_, text, expected) => {
    expect(parseChecksum(text, "model.pth", "sums")).toEqual(expected);
  });

  it("that lists only other files is not a checksum of this one", () => {
    const text = `${SUM}  a.pth\n${OTHER}  b.pth\n`;
    expect(() => parseChecksum(text, "model.pth", "sums")).toThrow(
      "sums: has checksums for a.pth, b.pth, but none for model.pth",
    );
  });
});

describe("the hub", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const HUB = "https://huggingface.co";
  it.each([
    [
      `${HUB}/laion/DALLE2-PyTorch/resolve/main/decoder/latest.pth`,
      `${HUB}/laion/DALLE2-PyTorch/raw/main/decoder/latest.pth`,
    ],
    [`${HUB}/gpt2/resolve/v1.0/a.bin?download=true`, `${HUB}/gpt2/raw/v1.0/a.bin`],
    [`${HUB}/datasets/a/b/resolve/refs%2Fpr%2F1/resolve/c`, `${HUB}/datasets/a/b/raw/refs%2Fpr%2F1/resolve/c`],
    [`${HUB}/laion/DALLE2-PyTorch/raw/main/config.json`, undefined],
    ["https://example.org/a/b/resolve/main/c", undefined],
    [`https://example.org/?${HUB}/a/b/resolve/main/c`, undefined],
  ])("has the checksum of %s if that is known", (url, checksumUrl) => {
    expect(hubChecksumUrl(url)).toBe(checksumUrl);
  });

  it("is the only one that gets the token", () => {
    vi.stubEnv("HF_TOKEN", "");
    vi.stubEnv("HUGGING_FACE_HUB_TOKEN", "second");
    expect(tokenFor(`${HUB}/a`)).toBe("second");
    vi.stubEnv("HF_TOKEN", " first\n");
    expect(tokenFor(`${HUB}/a`)).toBe("first");
    for (const url of ["http://huggingface.co/a", "https://huggingface.co.evil.org/a", "https://example.org/a"]) {
      expect(tokenFor(url)).toBeUndefined();
    }
  });

  it("is requested from its mirror with the token if one is set", () => {
    vi.stubEnv("HF_ENDPOINT", "https://mirror.example/hub/");
    vi.stubEnv("HF_TOKEN", "first");
    expect(addressOf(`${HUB}/a/b`)).toBe("https://mirror.example/hub/a/b");
    expect(addressOf("https://example.org/a")).toBe("https://example.org/a");
    expect(tokenFor("https://mirror.example/hub/a")).toBe("first");
    expect(tokenFor("https://mirror.example/other")).toBeUndefined();
    expect(hubChecksumUrl("https://mirror.example/hub/a/b/resolve/main/c")).toBe(`${HUB}/a/b/raw/main/c`);
  });
});
