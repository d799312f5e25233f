import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** The modules of a build that benchmarks call, below `dist`. */
interface Modules {
  readonly "gpu/open.js": typeof import("../../src/gpu/open.js");
  readonly "tensor/arena.js": typeof import("../../src/tensor/arena.js");
  readonly "tensor/tensor.js": typeof import("../../src/tensor/tensor.js");
  readonly "weights/weight-store.js": typeof import("../../src/weights/weight-store.js");
  readonly "weights/tensor-entry.js": typeof import("../../src/weights/tensor-entry.js");
  readonly "nn/linear.js": typeof import("../../src/nn/linear.js");
  readonly "nn/conv2d.js": typeof import("../../src/nn/conv2d.js");
  readonly "nn/group-norm.js": typeof import("../../src/nn/group-norm.js");
  readonly "nn/layer-norm.js": typeof import("../../src/nn/layer-norm.js");
  readonly "ops/attention.js": typeof import("../../src/ops/attention.js");
  readonly "ops/resize.js": typeof import("../../src/ops/resize.js");
  readonly "ops/step-inputs.js": typeof import("../../src/ops/step-inputs.js");
  readonly "files/open.js": typeof import("../../src/files/open.js");
  readonly "models/open-checkpoint.js": typeof import("../../src/models/open-checkpoint.js");
  readonly "models/clip/create.js": typeof import("../../src/models/clip/create.js");
  readonly "models/clip/config/adapter-config.js": typeof import("../../src/models/clip/config/adapter-config.js");
  readonly "models/dalle2-pytorch/dialect/detect-dialect.js": typeof import("../../src/models/dalle2-pytorch/dialect/detect-dialect.js");
  readonly "models/dalle2-pytorch/options.js": typeof import("../../src/models/dalle2-pytorch/options.js");
  readonly "models/dalle2-pytorch/train-config.js": typeof import("../../src/models/dalle2-pytorch/train-config.js");
  readonly "models/dalle2-pytorch/unet/unet.js": typeof import("../../src/models/dalle2-pytorch/unet/unet.js");
  readonly "models/dalle2-pytorch/prior/prior-network.js": typeof import("../../src/models/dalle2-pytorch/prior/prior-network.js");
  readonly "index.js": typeof import("../../src/index.js");
}

/** A checkout of this repository after `npm run build`. Older ones have the same layers and operations. */
export class Build {
  readonly folder: string;
  /** Short hash of its commit; with "+" if files differ from it. */
  readonly commit: string;

  constructor(folder: string) {
    this.folder = resolve(folder);
    if (!existsSync(join(this.folder, "dist", "cli", "main.js"))) {
      throw new Error(`${this.folder} is not built: run "npm ci && npm run build" there.`);
    }
    this.commit = commitOf(this.folder);
  }

  /** Path of the built command. */
  get command(): string {
    return join(this.folder, "dist", "cli", "main.js");
  }

  has(path: keyof Modules): boolean {
    return existsSync(join(this.folder, "dist", path));
  }

  load<Path extends keyof Modules>(path: Path): Promise<Modules[Path]> {
    return import(pathToFileURL(join(this.folder, "dist", path)).href) as Promise<Modules[Path]>;
  }
}

function commitOf(folder: string): string {
  const git = (...args: string[]) => execFileSync("git", ["-C", folder, ...args], { encoding: "utf8" }).trim();
  try {
    const isChanged = git("status", "--porcelain", "--untracked-files=no", "--", "src", "kernels") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${isChanged ? "+" : ""}`;
  } catch {
    // There is no git in the system of scripts/mesa26.js.
    return process.env.DALLE2_BENCH_COMMIT ?? "unknown";
  }
}
