import { readFile } from "node:fs/promises";
import { FaultServer } from "../support/fault-server.js";

/** A server of another origin with the files of the Shapes model, and a load config whose files are downloads from it. */
export interface ModelHost {
  readonly server: FaultServer;
  readonly config: unknown;
}

interface Source {
  load_model_from: { load_type: string; path: string };
}

interface Config {
  readonly decoder: { readonly unet_sources: readonly Source[] };
  readonly prior: Source;
  readonly clip: Source;
}

export async function startModelHost(): Promise<ModelHost> {
  const server = await FaultServer.start();
  const config = JSON.parse(await readFile("configs/shapes.json", "utf8")) as Config;
  for (const source of [...config.decoder.unet_sources, config.prior, config.clip]) {
    const { path } = source.load_model_from;
    server.files.set(`/${path}`, { content: await readFile(`configs/${path}`), etag: `"${path}"` });
    source.load_model_from = { load_type: "url", path: server.url(`/${path}`) };
  }
  return { server, config };
}
