import { deflateRawSync, gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { FormatError } from "../../src/weights/errors.js";
import { scalar, torchZip } from "../support/torch-file.js";
import { zip } from "../support/zip.js";

async function problem(bytes: Uint8Array | string, name = "model.pth"): Promise<string> {
  const source = new MemorySource(Buffer.from(bytes as Uint8Array), name);
  const error: unknown = await openCheckpoint(source).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FormatError);
  return String(error);
}

const latin1 = (text: string) => Buffer.from(text, "latin1");
const tar = (name: string) => latin1(name.padEnd(257, "\0") + "ustar\x0000" + "\0".repeat(247));

describe("a file that is not a checkpoint is identified, with advice", () => {
  it("a pointer of git LFS", async () => {
    const pointer = readFileSync(new URL("../fixtures/finding/lfs-pointer.pth", import.meta.url));
    const message = await problem(pointer);
    expect(message).toMatch(/git LFS pointer, not the file itself, which has 12345 bytes \(sha256:4d7a214614ab/);
    expect(message).toMatch(/git lfs pull/);
    expect(await problem(pointer.toString().replaceAll("\n", "\r\n"))).toMatch(/12345 bytes \(sha256:4d7a/);
    expect(await problem("version https://git-lfs.github.com/spec/v1\n")).toMatch(
      /file itself, which was not downloaded/,
    );
    const short = "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 5\n";
    expect(await problem(short)).toMatch(/file itself, which has 5 bytes and was not downloaded/);
  });

  it.each<[string, Uint8Array | string, RegExp, string?]>([
    ["an empty file", "", /it is empty/],
    ["zeros", new Uint8Array(5000), /begins with 1024 zeros.*its 5000 bytes/],
    ["a pointer of git-xet", "# xet version 0\nfilesize = 5\nhash = 'ab'\n", /git xet pull/],
    ["a pointer of git-annex", "/annex/objects/SHA256E-s5--ab.pth\n", /git annex get/],
    ["a pointer of DVC", "outs:\n- md5: ab\n  size: 5\n  path: model.pth\n", /dvc pull/],
    ["a web page", "<html><body>Sign in</body></html>", /looks like a web page/],
    ["a web page in capitals", "<HTML><HEAD>", /looks like a web page/],
    ["a web page after a mark and white space", "\ufeff \r\n\t<!DOCTYPE html>", /looks like a web page.*\/resolve\//],
    ["a web page in UTF-16", Buffer.from("\ufeff<!DOCTYPE html>", "utf16le"), /looks like a web page/],
    [
      "a web page in UTF-16 of the other order",
      Buffer.from("\ufeff<html>", "utf16le").swap16(),
      /looks like a web page/,
    ],
    ["a pointer of git LFS after a mark", "\ufeffversion https://git-lfs.github.com/spec/v1\n", /git LFS pointer/],
    ["a web page with a comment first", "<!-- proxy --><html>", /looks like a web page/],
    ["a page that says why", "<!doctype html><title>403 Forbidden</title>", /web page.*\(it says "Forbidden"\)/],
    [
      "an error of S3",
      '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>x</Message></Error>',
      /server.s response instead of the file \(it says "AccessDenied"\)/,
    ],
    ["an error of S3 without its head", "<Error><Code>NoSuchKey</Code></Error>", /\(it says "NoSuchKey"\)/],
    ["an error of Hugging Face", "Entry not found", /server.s response.*\(it says "Entry not found"\)/],
    ["another", "Invalid username or password.", /\(it says "Invalid username or password"\)/],
    ["an error in JSON", '{"error":"Repository not found"}', /server.s response.*"Repository not found"/],
    ["an error in JSON by another name", '{"message":"Not Found","status":404}', /server.s response.*"Not Found"/],
    ["an error in JSON by a third name", '{"detail":"Not Found"}', /server.s response.*"Not Found"/],
    ["a model's config", '{"architectures":["CLIPModel"],"model_type":"clip"}', /a model's config/],
    ["a train config", '{"decoder":{"unets":[]},"data":{}}', /a model's config/],
    ["a load config", '{"prior":{"load_model_from":{"load_type":"local","path":"a.pth"}}}', /a load config/],
    ["an empty index", '{"metadata":{},"weight_map":{}}', /JSON without the weight_map/],
    ["gzip", gzipSync(torchZip({ a: scalar(1) })), /compressed with gzip; unpack it/],
    ["zstd", latin1("\x28\xb5\x2f\xfd\x00\x00"), /compressed with zstd/],
    ["xz", latin1("\xfd7zXZ\0\0"), /compressed with xz/],
    ["bzip2", "BZh91AY", /compressed with bzip2/],
    ["7z", latin1("7z\xbc\xaf\x27\x1c\0\x04"), /a 7z archive/],
    ["rar", latin1("Rar!\x1a\x07\x01\0"), /a rar archive/],
    ["tar", tar("models/decoder.pth"), /a tar archive; unpack it.*tar -xf/],
    ["a tar of torch itself", tar("sys_info"), /a tar archive, as torch wrote checkpoints before version 0\.2/],
    ["an empty zip", latin1("PK\x05\x06" + "\0".repeat(18)), /an empty zip archive/],
    [
      "a zip with a checkpoint in it",
      zip([["m/decoder.pth", Buffer.from("x")]]),
      /it contains m\/decoder\.pth\. Unpack the archive/,
    ],
    ["a zip with other things", zip([["a\u001b.txt", Buffer.from("x")]]), /it contains a\uFFFD\.txt$/],
    ["arrays of NumPy", zip([["a.npy", Buffer.from("x")]]), /NumPy arrays \(\.npz\).*torch\.from_numpy/],
    ["a model of Keras 3", zip([["model.weights.h5", Buffer.from("x")]]), /a Keras model.*torch\.save/],
    ["an array of NumPy", latin1("\x93NUMPY\x01\x00"), /a NumPy array/],
    ["HDF5", latin1("\x89HDF\r\n\x1a\n"), /an HDF5 file.*Keras/],
    ["GGUF", latin1("GGUF\x03\0\0\0"), /a GGUF file/],
    ["GGML", latin1("lmgg\0\0\0\0"), /a GGML file/],
    ["TensorFlow Lite", latin1("\x1c\0\0\0TFL3"), /TensorFlow Lite/],
    ["TensorFlow", latin1("\x08\x01\x12\xc0\x01"), /TensorFlow file, by its name/, "saved_model.pb"],
    ["a checkpoint of TensorFlow", latin1("\xd7\x11\x22"), /TensorFlow file/, "m.ckpt.data-00000-of-00001"],
    ["ONNX", latin1("\x08\x08\x12\x07pytorch\x1a\x052.1.0"), /an ONNX model/],
    ["Flax", latin1("\x82\xa6params"), /Flax weights/, "flax_model.msgpack"],
    ["an image", latin1("\x89PNG\r\n\x1a\n"), /an image, not a checkpoint/],
    ["a PDF", "%PDF-1.7", /a PDF, not a checkpoint/],
    ["a pickle of a dict", latin1("\x80\x04\x95\x0f\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s."), /pickle\.dump\?/],
    [
      "a pickle of arrays",
      latin1("\x80\x04\x95\x0f\0\0\0\0\0\0\0}\x8c\x15numpy.core.multiarray"),
      /NumPy arrays.*from_numpy/,
    ],
    ["joblib's pickle", latin1("\x80\x04\x95\x0f\0\0\0\0\0\0\0\x8c\x13joblib.numpy_pickle"), /joblib\.dump/],
    ["a pickle in text", "(dp0\nVa\np1\nI1\ns.", /torch\.save did not write/],
    ["a download that has not ended", latin1("\xab\xcd\xef\x01"), /an unfinished download/, "a.pth.incomplete"],
    ["a text", "epoch,loss\n1,0.5\n", /a text file, not a checkpoint/],
    [
      "safetensors, cut off in its header",
      latin1(`\x88\x21${"\0".repeat(6)}{"a":{`),
      /truncated safetensors file: its header alone has 8584 bytes, but the file has 14/,
    ],
    ["anything else", latin1("\xab\xcd\xef\x01"), /not a known checkpoint format \(it starts with ab cd ef 01\)/],
  ])("%s", async (_, bytes, message, name) => {
    expect(await problem(bytes, name)).toMatch(message);
  });

  it("without a word of what is in it", async () => {
    const secret = "hf_AbCdEfGhIjKl";
    for (const text of [secret.repeat(3), `<html>${secret}`, `{"error":"${secret}"}`, `token = ${secret}\nNot Found`])
      expect(await problem(text)).not.toContain(secret);
  });
});

describe("a download that was cut off", () => {
  it("of torch's zip", async () => {
    const whole = torchZip({ a: scalar(1) });
    expect(await problem(whole.subarray(0, whole.length - 30))).toMatch(/the file is truncated/);
    expect(await problem(Buffer.concat([whole.subarray(0, 100), Buffer.alloc(5000)]))).toMatch(/the file is truncated/);
  });

  it("of a deflated zip", async () => {
    const bytes = deflateRawSync(Buffer.alloc(100));
    expect(await problem(Buffer.concat([latin1("PK\x03\x04"), bytes]))).toMatch(/truncated/);
  });
});

describe("where a decoder for Latin-1 gives Windows-1252, as in the Encoding Standard", () => {
  afterEach(() => void vi.unstubAllGlobals());

  it.each([
    ["an image", "\x89PNG\r\n\x1a\n", /an image/],
    ["an array of NumPy", "\x93NUMPY\x01\0", /NumPy array/],
    ["a pickle", "\x80\x04\x95\0\0\0\0\0\0\0\0}.", /a pickle/],
  ])("%s is known", async (_, head, named) => {
    class StandardDecoder extends TextDecoder {
      override decode(bytes?: Uint8Array): string {
        const text = super.decode(bytes);
        return this.encoding === "windows-1252" ? text.replace(/[\x80\x89\x93]/g, "\u2030") : text;
      }
    }
    vi.stubGlobal("TextDecoder", StandardDecoder);
    expect(await problem(latin1(head))).toMatch(named);
  });
});
