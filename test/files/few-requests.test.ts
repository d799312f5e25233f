// The included model from a server, as a page reads it: few requests, with ranges or without.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";

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
