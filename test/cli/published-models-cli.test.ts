// Whole runs of published models by their ids on the hub, which is a server of this process: its folders have the small models of
// fixtures, in the layout and with the names of the published ones.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import type { GeneratedImage } from "../../src/pipeline/generated-image.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
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
  /** The command, without its settings. */
  readonly command: readonly string[];
  /** The same in the library. */
  readonly run: (manager: DalleModelManager) => Promise<Map<number, GeneratedImage[]>>;
  /** The components that are read. */
  readonly components: readonly string[];
  /** Files of weights of other variants than those that are read. */
  readonly others: RegExp;
  /** A file of weights whose download breaks off, and one that the server does not give at first. */
  readonly breaking: string;
  /** Bytes of it that arrive before. */
  readonly arriving: number;
  readonly refused: string;
}

const IMAGE = "examples/images/red-circle.png";
const DREAM: Pick<PublishedModel, "command" | "run" | "others"> = {
  command: ["dream", "a red square", "--prior-steps", "2"],
  run: async (manager) => {
    const images = await new BasicInference(manager).run("a red square", { seed: 5, priorSteps: 2, decoderSteps: 2 });
    return images.get(0)!;
  },
  others: /fp16|\.bin$/,
};
const VARIATION: typeof DREAM = {
  command: ["variation", IMAGE],
  run: async (manager) => new ImageVariation(manager).run([await readImage(IMAGE)], { text: "", seed: 5, steps: 2 }),
  others: DREAM.others,
};

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
    ...DREAM,
    components: ["movq", "unet", "prior", "text_encoder", "image_encoder"],
    breaking: "kandinsky-community/kandinsky-2-2-decoder/movq/diffusion_pytorch_model.safetensors",
    arriving: 300_000,
    refused: `${PRIOR}/text_encoder/model.safetensors`,
  },
  {
    name: "Stable unCLIP for texts",
    asked: ["diffusers/stable-diffusion-2-1-unclip-t2i-l", "stable-unclip-t2i-l"],
    repositories: [
      {
        id: "diffusers/stable-diffusion-2-1-unclip-t2i-l",
        folder: join(fixtureFolder("stable-unclip-text-to-image"), "model"),
      },
    ],
    ...DREAM,
    components: ["unet", "vae", "text_encoder", "image_normalizer", "prior", "prior_text_encoder"],
    breaking: "diffusers/stable-diffusion-2-1-unclip-t2i-l/unet/diffusion_pytorch_model.safetensors",
    arriving: 150_000,
    refused: "diffusers/stable-diffusion-2-1-unclip-t2i-l/prior_text_encoder/model.safetensors",
  },
  forImages("Stable unCLIP", "stabilityai/stable-diffusion-2-1-unclip", "stable-unclip"),
  forImages("the small Stable unCLIP", "stabilityai/stable-diffusion-2-1-unclip-small", "stable-unclip-small"),
  {
    ...forImages("Stable unCLIP in f16 alone", "stabilityai/stable-diffusion-2-1-unclip", "stable-unclip", "fp16"),
    others: /(?<!\.fp16)\.safetensors$|\.bin$/,
  },
];

/** A repository of Stable unCLIP for variations of images. */
function forImages(name: string, id: string, config: string, weights: Published["weights"] = "both"): PublishedModel {
  const folder = join(fixtureFolder("stable-unclip-image-variation"), "model");
  const variant = weights === "both" ? "" : ".fp16";
  return {
    name,
    asked: [id, config],
    repositories: [{ id, folder, weights, licence: "openrail++" }],
    ...VARIATION,
    components: ["unet", "vae", "text_encoder", "image_normalizer", "image_encoder"],
    breaking: `${id}/unet/diffusion_pytorch_model${variant}.safetensors`,
    arriving: 90_000,
    refused: `${id}/image_encoder/model${variant}.safetensors`,
  };
}

const SETTINGS = ["--steps", "2", "--seed", "5", "--dtype", "f32"];
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

async function generate(command: readonly string[], config: string, ...more: readonly string[]) {
  const out = mkdtempSync(join(root, "out-"));
  const args = [...command, "--model-config", config, ...SETTINGS, "--output-path", out, ...more];
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
  ({ asked, repositories, command, run: runScript, components, others, breaking, arriving, refused }) => {
    const [id, config] = asked;
    const run = (model: string, ...more: readonly string[]) => generate(command, model, ...more);

    it("is downloaded as far as it is read, goes on after breaks, and runs without the hub", async () => {
      servePublished(server, repositories);
      let isBroken = false;
      const breakOnce = ({ range }: IncomingHttpHeaders, path: string) => {
        if (path !== `/lfs/${breaking}` || range === "bytes=0-0" || isBroken) return undefined;
        isBroken = true;
        return dropAfter(arriving);
      };
      server.choose = (headers, path) => (path === `/lfs/${refused}` ? status(404) : breakOnce(headers, path));
      const broken = await run(id);
      expect([broken.status, broken.stderr]).toEqual([2, expect.stringContaining(refused.split("/").at(-2)!)]);
      for (const { id: repository, licence = "apache-2.0" } of repositories) {
        const [, said] =
          new RegExp(`${repository}: \\d+\\.\\d\\d kB to download, licence (\\S+)$`, "m").exec(broken.stderr) ?? [];
        expect(said).toBe(licence);
      }

      server.choose = breakOnce;
      const start = server.requests.length;
      const whole = await run(id);
      expect([whole.status, whole.stderr]).toEqual([0, expect.any(String)]);
      const resumed = server.transfers(`/lfs/${breaking}`).map(({ range }) => range);
      expect(resumed.some((range) => /^bytes=[1-9]\d*-/.test(range ?? ""))).toBe(true);
      const later = server.requests.slice(start).map(({ path }) => path);
      expect(later).toContain(`/lfs/${refused}`);
      const read = weights().map((path) => path.split("/").at(-2));
      expect(new Set(read)).toEqual(new Set(components));
      expect(weights().filter((path) => others.test(path))).toEqual([]);
      expect(server.requests.filter(({ path }) => /\.(?:png|ckpt)$/.test(path))).toEqual([]);

      const again = server.requests.length;
      const named = await run(config);
      expect([named.status, named.stderr]).toEqual([0, expect.not.stringContaining("to download")]);
      expect(named.pixels).toEqual(whole.pixels);
      expect(server.requests.slice(again).filter(({ path }) => path.startsWith("/lfs/"))).toEqual([]);

      const before = server.requests.length;
      const quiet = await run(id, "--suppress-updates");
      expect([quiet.status, server.requests.length - before]).toEqual([0, 0]);
      expect(quiet.pixels).toEqual(whole.pixels);
      await server.close();
      const offline = await run(id);
      expect([offline.status, offline.stderr]).toEqual([0, expect.stringContaining("using the files that are here")]);
      expect(offline.pixels).toEqual(whole.pixels);
      server = await FaultServer.start();
    });

    it("runs in the library, and again without the hub", async () => {
      servePublished(server, repositories);
      for (const [name, value] of Object.entries(environment())) vi.stubEnv(name, value);
      const warnings: string[] = [];
      const patience = { attempts: 1, pause: 1, stall: 2000 };
      const generateOnce = async () => {
        const onWarning = (warning: string): void => void warnings.push(warning);
        const options = { gpu: await sharedGpu(), dtype: "f32", patience, onWarning } as const;
        using manager = await DalleModelManager.create(id, options);
        return (await runScript(manager)).get(0)![0]!;
      };
      const online = await generateOnce();
      expect(warnings.filter((warning) => warning.includes("to download"))).toHaveLength(repositories.length);
      await server.close();
      warnings.splice(0);
      expect(await generateOnce()).toEqual(online);
      expect(warnings.filter((warning) => warning.includes("using the files that are here"))).toHaveLength(
        repositories.length,
      );
      server = await FaultServer.start();
    });
  },
);
