// The included model from a server, as a page reads it: few requests, with ranges or without.
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { identifyModels } from "../../src/pipeline/records/model-identity.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { openSource } from "../../src/files/open.js";
import { FaultServer } from "../support/fault-server.js";
import { f32Tensor, torchZip } from "../support/torch-file.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
let server: Server | undefined;
afterEach(() => server?.close());

/** Serves the folder configs. Returns its URL, and what was asked for. */
async function serve(hasRanges: boolean): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.range ?? ""}`);
    const bytes = readFileSync(join(root, request.url!));
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec((hasRanges ? request.headers.range : undefined) ?? "") ?? [];
    if (first === undefined) {
      response.writeHead(200, { "content-length": bytes.length }).end(bytes);
      return;
    }
    const end = Math.min(Number(last) + 1, bytes.length);
    response.writeHead(206, { "content-range": `bytes ${first}-${end - 1}/${bytes.length}` });
    response.end(bytes.subarray(Number(first), end));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

it.each([
  ["at most ten, with ranges", true, 10],
  ["one for each file, without", false, 4],
] as const)("%s", async (_, hasRanges, most) => {
  const { url, requests } = await serve(hasRanges);
  const config = await ModelLoadConfig.fromJsonPath(`${url}/configs/shapes.json`);
  for (const { file } of config.files()) {
    const [there, here] = await Promise.all([
      openCheckpoint(await config.openFile(file)),
      openCheckpoint(await ModelLoadConfig.parse({}, join(root, "configs/shapes.json")).openFile(file)),
    ]);
    // In another order than that of the file, as a model does.
    const names = [...there.tensors.keys()].sort((a, b) => (a < b ? 1 : -1));
    for (const name of names) {
      expect(Buffer.compare(await there.tensors.get(name)!.read(), await here.tensors.get(name)!.read()), name).toBe(0);
    }
    await there.close();
    await here.close();
  }
  expect(requests.length, requests.join("\n")).toBeLessThanOrEqual(most);
});

/** The bytes that were asked for. */
const bytesOf = (ranges: readonly string[]): number =>
  ranges.reduce((sum, range) => {
    const [, first, last] = /bytes=(\d+)-(\d+)$/.exec(range)!;
    return sum + Number(last) + 1 - Number(first);
  }, 0);

it("only for headers, to count memory", async () => {
  const { url, requests } = await serve(true);
  const plan = { dtype: "f32", batchSize: 1 } as const;
  const here = await planMemory(await ModelLoadConfig.named(), plan);
  const config = await ModelLoadConfig.fromJsonPath(`${url}/configs/shapes.json`);
  requests.length = 0;
  expect(await planMemory(config, plan)).toEqual(here);
  expect(requests).toHaveLength(3);
  // The files have 22 MB.
  expect(bytesOf(requests)).toBeLessThan(1e6);
});

it("only for samples, to identify a model that is not kept", async () => {
  const { url, requests } = await serve(true);
  const path = "configs/shapes/decoder.safetensors";
  const file = { load_type: "url", path: `${url}/${path}` };
  const config = ModelLoadConfig.parse({
    decoder: { unet_sources: [{ unet_numbers: [1, 2], load_model_from: file }] },
  });
  const [found] = await identifyModels(config, { keepDownloads: false, prefersF16: false });
  const { size } = statSync(join(root, path));
  expect(found!.bytes).toBe(size);
  expect(bytesOf(requests)).toBeLessThan(size);
});

it("only for headers, to inspect a .pth", async () => {
  const faults = await FaultServer.start();
  try {
    const content = torchZip({ model: { "net.to_q.weight": f32Tensor([1000, 1000], new Float32Array(1e6)) } });
    faults.files.set("/model.pth", { content });
    const checkpoint = await openCheckpoint(await openSource(faults.url("/model.pth"), { headersOnly: true }));
    expect([...checkpoint.tensors.keys()]).toEqual(["to_q.weight"]);
    await checkpoint.close();
    expect(content.length).toBeGreaterThan(4e6);
    expect(bytesOf(faults.transfers("/model.pth").map(({ range }) => range!))).toBeLessThan(5e5);
  } finally {
    await faults.close();
  }
});
