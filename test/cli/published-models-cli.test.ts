// Whole runs of published models by their ids on the hub, which is a server of this process: its folders have the small models of
// fixtures, in the layout and with the names of the published ones.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { dalle2Beside, readImage } from "../support/cli.js";
import { dropAfter, FaultServer, status } from "../support/fault-server.js";
import { sharedGpu } from "../support/gpu.js";
import { fixtureFolder } from "../support/golden.js";
import { servePublished, type Published } from "../support/hub-server.js";

interface PublishedModel {
  readonly name: string;
  /** Names of the same model: its id on the hub, and a load config of the package. */
  readonly asked: readonly [id: string, config: string];
  readonly repositories: readonly Published[];
  /** The components that are read. */
  readonly components: readonly string[];
  /** A file of weights whose download breaks off, and one that the server does not give at first. */
  readonly breaking: string;
  /** Bytes of it that arrive before. */
  readonly arriving: number;
  readonly refused: string;
}

const KANDINSKY = fixtureFolder("kandinsky-text-to-image");
const PRIOR = "kandinsky-community/kandinsky-2-2-prior";
const MODELS: readonly PublishedModel[] = [
  {
    name: "Kandinsky 2.2",
    asked: ["kandinsky-community/kandinsky-2-2-decoder", "kandinsky-2.2"],
    repositories: [
      { id: "kandinsky-community/kandinsky-2-2-decoder", folder: join(KANDINSKY, "model"), prior: PRIOR },
      { id: PRIOR, folder: join(KANDINSKY, "prior") },
    ],
    components: ["movq", "unet", "prior", "text_encoder", "image_encoder"],
    breaking: "kandinsky-community/kandinsky-2-2-decoder/movq/diffusion_pytorch_model.safetensors",
    arriving: 300_000,
    refused: `${PRIOR}/text_encoder/model.safetensors`,
  },
  {
    name: "Stable unCLIP",
    asked: ["diffusers/stable-diffusion-2-1-unclip-t2i-l", "stable-unclip-t2i-l"],
    repositories: [
      {
        id: "diffusers/stable-diffusion-2-1-unclip-t2i-l",
        folder: join(fixtureFolder("stable-unclip-text-to-image"), "model"),
      },
    ],
    components: ["unet", "vae", "text_encoder", "image_normalizer", "prior", "prior_text_encoder"],
    breaking: "diffusers/stable-diffusion-2-1-unclip-t2i-l/unet/diffusion_pytorch_model.safetensors",
    arriving: 150_000,
    refused: "diffusers/stable-diffusion-2-1-unclip-t2i-l/prior_text_encoder/model.safetensors",
  },
];

const SETTINGS = ["--prior-steps", "2", "--steps", "2", "--seed", "5", "--dtype", "f32"];
const root = mkdtempSync(join(tmpdir(), "published-"));
let server: FaultServer;
let endpoint: string;
let cache: string;

afterAll(() => {
  rmSync(root, { recursive: true });
});

beforeEach(async () => {
  server = await FaultServer.start();
  endpoint = server.url();
  cache = mkdtempSync(join(root, "cache-"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const environment = () => ({ HF_ENDPOINT: endpoint, HF_HUB_CACHE: join(root, "none"), DALLE2_CACHE: cache });

async function dream(config: string, ...more: readonly string[]) {
  const out = mkdtempSync(join(root, "out-"));
  const args = ["dream", "--model-config", config, "a red square", ...SETTINGS, "--output-path", out, ...more];
  const run = await dalle2Beside(args, { env: environment() });
  const [file] = readdirSync(out);
  return { ...run, pixels: file === undefined ? undefined : await readImage(join(out, file)) };
}

/** The files of weights that the server sent, or was asked for. */
const weights = (): readonly string[] => [
  ...new Set(server.requests.map(({ path }) => path).filter((path) => /\.(?:safetensors|bin)$/.test(path))),
];

describe.each(MODELS)(
  "$name by its id on the hub",
  ({ asked, repositories, components, breaking, arriving, refused }) => {
    const [id, config] = asked;

    it("is downloaded as far as it is read, goes on after breaks, and runs without the hub", async () => {
      servePublished(server, repositories);
      let isBroken = false;
      const breakOnce = ({ range }: IncomingHttpHeaders, path: string) => {
        if (path !== `/lfs/${breaking}` || range === "bytes=0-0" || isBroken) return undefined;
        isBroken = true;
        return dropAfter(arriving);
      };
      server.choose = (headers, path) => (path === `/lfs/${refused}` ? status(404) : breakOnce(headers, path));
      const broken = await dream(id);
      expect([broken.status, broken.stderr]).toEqual([2, expect.stringContaining(refused.split("/").at(-2)!)]);
      for (const { id: repository } of repositories) {
        expect(broken.stderr).toMatch(new RegExp(`${repository}: \\d+\\.\\d\\d kB to download, licence apache-2\\.0`));
      }

      server.choose = breakOnce;
      const start = server.requests.length;
      const whole = await dream(id);
      expect([whole.status, whole.stderr]).toEqual([0, expect.any(String)]);
      const resumed = server.transfers(`/lfs/${breaking}`).map(({ range }) => range);
      expect(resumed.some((range) => /^bytes=[1-9]\d*-/.test(range ?? ""))).toBe(true);
      const later = server.requests.slice(start).map(({ path }) => path);
      expect(later).toContain(`/lfs/${refused}`);
      const read = weights().map((path) => path.split("/").at(-2));
      expect(new Set(read)).toEqual(new Set(components));
      expect(weights().filter((path) => /fp16|\.bin$/.test(path))).toEqual([]);
      expect(server.requests.filter(({ path }) => path.endsWith(".png"))).toEqual([]);

      const again = server.requests.length;
      const named = await dream(config);
      expect([named.status, named.stderr]).toEqual([0, expect.not.stringContaining("to download")]);
      expect(named.pixels).toEqual(whole.pixels);
      expect(server.requests.slice(again).filter(({ path }) => path.startsWith("/lfs/"))).toEqual([]);

      const before = server.requests.length;
      const quiet = await dream(id, "--suppress-updates");
      expect([quiet.status, server.requests.length - before]).toEqual([0, 0]);
      expect(quiet.pixels).toEqual(whole.pixels);
      await server.close();
      const offline = await dream(id);
      expect([offline.status, offline.stderr]).toEqual([0, expect.stringContaining("using the files that are here")]);
      expect(offline.pixels).toEqual(whole.pixels);
      server = await FaultServer.start();
    });

    it("runs in the library, and again without the hub", async () => {
      servePublished(server, repositories);
      for (const [name, value] of Object.entries(environment())) vi.stubEnv(name, value);
      const warnings: string[] = [];
      const patience = { attempts: 1, pause: 1, stall: 2000 };
      const run = async () => {
        const onWarning = (warning: string): void => void warnings.push(warning);
        const options = { gpu: await sharedGpu(), dtype: "f32", patience, onWarning } as const;
        using manager = await DalleModelManager.create(id, options);
        const steps = { priorSteps: 2, decoderSteps: 2 };
        const images = await new BasicInference(manager).run("a red square", { seed: 5, ...steps });
        return images.get(0)!.get(0)![0]!;
      };
      const online = await run();
      expect(warnings.filter((warning) => warning.includes("to download"))).toHaveLength(repositories.length);
      await server.close();
      warnings.splice(0);
      expect(await run()).toEqual(online);
      expect(warnings.filter((warning) => warning.includes("using the files that are here"))).toHaveLength(
        repositories.length,
      );
      server = await FaultServer.start();
    });
  },
);
