import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const GENERATED = /(?:kernel-sources(?:-\w+)?|vocabulary)\.ts$/;
const files = ["src", "kernels", "scripts"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(?:ts|js|wgsl)$/.test(file) && !GENERATED.test(file))
    .map((file) => join(folder, file).replaceAll("\\", "/")),
);

/** Commits that links lead to, by repository; a version where the commit is a release, or the last before it. */
const COMMITS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "lucidrains/DALLE2-pytorch": {
    "1.14.2": "00e07b7d61e21447d55e6d06d5c928cf8b67601d",
    "1.15.6": "680dfc4d93b70f9ab23c814a22ca18017a738ef6",
  },
  "LAION-AI/dalle2-laion": { "of November 2022": "d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc" },
  "openai/CLIP": { "of March 2026": "d05afc436d78f1c48dc0dbf8e5980a9d471f35f6" },
  "mlfoundations/open_clip": { "3.3.0": "30573618fc375b12f094ef64cb3a1391cf611c45" },
  "lucidrains/x-clip": { "0.14.4": "0c72f6efaf9f748a02b18c1593fc65809164aaf9" },
  "lucidrains/CoCa-pytorch": { "0.1.0": "fcd186c1ec690be3642a9ac531a681331851ed0e" },
  "lucidrains/vit-pytorch": { "1.0.0": "bdaf2d14916500e2978c49833795ed3b599e220d" },
  "lucidrains/rotary-embedding-torch": { "0.1.5": "517ee2cfeb10602032ef9d282c19851e19dd8943" },
  "assafshocher/ResizeRight": { "of December 2021": "510d4d5b67dccf4efdee9f311ed42609a71f17c5" },
  "python-pillow/Pillow": { "12.3.0": "bb1d8e8ab8d29048624d96e3ee53cecf7c13d13d" },
  "rspeer/python-ftfy": { "6.3.1": "5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3" },
  "crowsonkb/k-diffusion": { "0.1.1.post1": "0c6cc822e050e59d3e59128c57d350074969b267" },
  "LuChengTHU/dpm-solver": { "of December 2023": "52bc3fbcd5de56d60917b826b15d2b69460fc2fa" },
  "pytorch/pytorch": { "of 2020": "003dc3e14b5f200fdeff33edf90016b833087e87" },
  "numpy/numpy": { "of August 2026": "1f90bbb55e65e7de68921bc3f1a2d94492fdf689" },
  "pypa/packaging": { "of August 2026": "053c884615f2e83d80705251b447769ec2599653" },
  "huggingface/diffusers": { "0.37.1": "ad3a3afc3a4d3068bbb12f58129c855087ffc6d6" },
  "huggingface/transformers": { "4.45.0.dev0": "d6751d91c8f58cdeb35af6adae182d7dc90aa883" },
  "huggingface/safetensors": { "of May 2026": "24b0b2857fef49be734b9ab72ce97c09bb25f5b9" },
};

interface Link {
  readonly file: string;
  readonly url: string;
}

const links = files.flatMap((file): Link[] =>
  [...readFileSync(join(root, file), "utf8").matchAll(/https:\/\/github\.com\/[^\s`"')\]}]+/g)].map(([url]) => ({
    file,
    url,
  })),
);
const FORM = /^https:\/\/github\.com\/([\w.-]+\/[\w.-]+)\/blob\/([0-9a-f]{40})\/[\w./-]+\.\w+#L(\d+)-L(\d+)$/;

/** What is wrong with a link to lines of code; undefined for a sound one. */
function faultOf(url: string): string | undefined {
  const [, repository = "", commit = "", first, last] = FORM.exec(url) ?? [];
  if (first === undefined) return "is no permalink: https://github.com/OWNER/NAME/blob/COMMIT/FILE#L1-L9";
  if (Number(first) < 1 || Number(first) >= Number(last)) return "has lines that are no range";
  const known = Object.values(COMMITS[repository] ?? {});
  return known.includes(commit) ? undefined : "leads to a commit that is not in the list of this test";
}

describe("links to lines of a reference", () => {
  it("name a commit by its whole hash, and a range of lines", () => {
    expect(links.length).toBeGreaterThan(100);
    const faults = links.flatMap(({ file, url }) => {
      const fault = faultOf(url);
      return fault ? [`${file}: ${url} ${fault}`] : [];
    });
    expect(faults).toEqual([]);
  });

  it.each([
    ["a branch", "https://github.com/openai/CLIP/blob/main/clip/model.py#L1-L9"],
    ["a short hash", "https://github.com/openai/CLIP/blob/d05afc4/clip/model.py#L1-L9"],
    ["no lines", "https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/clip/model.py"],
    ["lines upside down", "https://github.com/openai/CLIP/blob/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/a.py#L9-L1"],
    ["another commit", "https://github.com/openai/CLIP/blob/0000000000000000000000000000000000000000/a.py#L1-L9"],
  ])("are refused with %s", (_, url) => {
    expect(faultOf(url)).toBeDefined();
  });

  it("lead to every commit of the list", () => {
    const listed = Object.entries(COMMITS).flatMap(([name, commits]) =>
      Object.values(commits).map((commit) => `${name}/blob/${commit}`),
    );
    expect(listed.filter((one) => !links.some(({ url }) => url.includes(one)))).toEqual([]);
  });
});

/** Files beside layers of models and samplers that mirror no lines of a reference: types, choices, and what is ours. */
const OURS = [
  "src/diffusion/init-image.ts",
  "src/diffusion/mt19937.ts",
  "src/diffusion/noise.ts",
  "src/diffusion/passes.ts",
  "src/diffusion/run-state.ts",
  "src/diffusion/sampler.ts",
  "src/diffusion/samplers.ts",
  "src/diffusion/sampling-error.ts",
  "src/diffusion/settings.ts",
  "src/models/dalle2-pytorch/unet/layout.ts",
  "src/models/diffusers/prior/load-prior.ts",
  "src/models/diffusers/scheduler/scheduler.ts",
];

it("stand in every file of a network or a sampler that mirrors a reference", () => {
  const networks = [
    "dalle2-pytorch/unet",
    "dalle2-pytorch/prior",
    "diffusers/unet",
    "diffusers/prior",
    "diffusers/scheduler",
    "karlo/unet",
  ];
  const folders = ["src/diffusion/", ...networks.map((folder) => `src/models/${folder}/`)];
  const mirrors = files.filter((file) => folders.some((folder) => file.startsWith(folder)));
  const linked = new Set(links.map(({ file }) => file));
  expect(mirrors.filter((file) => !linked.has(file)).sort()).toEqual(OURS);
});
