// The bytes of a part, while connections are opened and closed.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ArrivedBytes } from "../../src/files/arrived-bytes.js";
import { transfer } from "../../src/files/transfer.js";
import type { FileWriter } from "../../src/platform/file-writer.js";
import { FaultServer } from "../support/fault-server.js";

const content = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "arrived-"));
  path = join(folder, "a.part");
  await writeFile(path, content);
});

afterEach(() => rm(folder, { recursive: true }));

it("are read from the writer as soon as there is one, so that the file is not left open", async () => {
  const arrived = new ArrivedBytes(() => undefined);
  await arrived.begin(path, 1000);
  expect(await arrived.read(0, 10)).toEqual(content.slice(0, 10));
  const reads: number[] = [];
  const writer: FileWriter = {
    readableBytes: Infinity,
    write: () => Promise.resolve(),
    read: (offset, length) => {
      reads.push(offset);
      return Promise.resolve(content.slice(offset, offset + length));
    },
    close: () => Promise.resolve(),
  };
  const opening = arrived.writeBy(writer);
  expect(await arrived.read(20, 10)).toEqual(content.slice(20, 30));
  expect(reads).toEqual([20]);
  await opening;
});

it("have their writer closed if the file that was open for reads cannot be closed", async () => {
  let isBegun = false;
  let closed = 0;
  class Failing extends ArrivedBytes {
    override async begin(at: string, end: number): Promise<void> {
      await super.begin(at, end);
      isBegun = true;
    }

    override async close(): Promise<void> {
      await super.close();
      if (isBegun) throw new Error("the disk is gone");
    }

    override async writeBy(writer: FileWriter): Promise<void> {
      const close = (): Promise<void> => {
        closed++;
        return writer.close();
      };
      await super.writeBy({
        readableBytes: writer.readableBytes,
        write: (offset, bytes) => writer.write(offset, bytes),
        read: (offset, length) => writer.read(offset, length),
        close,
      });
    }
  }
  const server = await FaultServer.start();
  server.files.set("/a", { content, etag: '"1"' });
  const state = { size: 1000, version: '"1"', isExact: true, hasRanges: true };
  const options = {
    patience: { attempts: 1, pause: 1, stall: 1000 },
    maxBytes: 1000,
    onProgress: () => undefined,
    arrived: new Failing(() => undefined),
  };
  await writeFile(path, content.subarray(0, 500));
  await expect(transfer(server.url("/a"), state, { path, isResumable: true }, options)).rejects.toThrow("gone");
  expect(closed).toBe(1);
  await server.close();
});
