import type { Engine } from "../engine/engine.js";
import { failureOf, type Failure } from "../engine/failure.js";
import { entryOf } from "./catalogue.js";
import { sayLimits, sayMemory, sayStorage, type Finding } from "./check-words.js";
import { planDownload, type DownloadPlan } from "./download-plan.js";
import type { ModelChoice } from "./model-choice.js";

/** How the model would be loaded. */
export interface CheckOptions {
  readonly dtype: "auto" | "f32" | "f16";
  readonly weights: "full" | "int8";
}

/** What a check needs of the engine. */
export type CheckEngine = Pick<Engine, "device" | "planMemory" | "storage" | "downloads">;

/** Whether a model fits this computer, before it is loaded: only headers of its files are read. */
export class ModelCheck {
  status: "none" | "checking" | "done" = $state("none");
  findings: readonly Finding[] = $state.raw([]);
  failure: Failure | undefined = $state.raw();
  /** Id of the model. */
  id: string | undefined = $state();
  readonly #engine: CheckEngine;
  readonly #planDownload: typeof planDownload;
  #controller = new AbortController();

  constructor(engine: CheckEngine, plan = planDownload) {
    this.#engine = engine;
    this.#planDownload = plan;
  }

  /** Checks a model. Another check ends this one. */
  async check(choice: ModelChoice, options: CheckOptions): Promise<void> {
    this.reset();
    const { signal } = this.#controller;
    this.id = choice.id;
    this.status = "checking";
    const parts = [() => this.#storage(choice, signal), () => this.#memory(choice, options)];
    await Promise.all(
      parts.map(async (part) => {
        try {
          const findings = await part();
          if (!signal.aborted) this.findings = [...this.findings, ...findings];
        } catch (error) {
          if (!signal.aborted) this.failure = failureOf(error);
        }
      }),
    );
    if (!signal.aborted) this.status = "done";
  }

  /** Forgets the findings. */
  reset(): void {
    this.#controller.abort();
    this.#controller = new AbortController();
    this.id = undefined;
    this.status = "none";
    this.findings = [];
    this.failure = undefined;
  }

  async #memory({ config }: ModelChoice, { dtype, weights }: CheckOptions): Promise<readonly Finding[]> {
    const device = await this.#engine.device();
    const auto = device.features.f16 && !device.adapter.isSoftware ? "f16" : "f32";
    const plan = await this.#engine.planMemory(config, dtype === "auto" ? auto : dtype, weights);
    return [sayMemory(plan, device), sayLimits(device)];
  }

  async #storage(choice: ModelChoice, signal: AbortSignal): Promise<readonly Finding[]> {
    if (typeof choice.config !== "string")
      return [{ state: "good", text: "It is read from this computer. Nothing is copied." }];
    const plan = await this.#download(choice, choice.config, signal);
    const [storage, cached] = await Promise.all([this.#engine.storage(), this.#engine.downloads()]);
    return [sayStorage(plan, storage, cached)];
  }

  async #download({ id, downloadBytes }: ModelChoice, config: string, signal: AbortSignal): Promise<DownloadPlan> {
    if (downloadBytes !== undefined) {
      // All its files lie below one place.
      const place = entryOf(id)?.page ?? config.replace(/\.json$/, "");
      const files = [{ url: `${place}/`, bytes: downloadBytes }];
      return { files, bytes: downloadBytes, isComplete: true, toleranceBytes: toleranceOf(downloadBytes) };
    }
    // Of a folder or an id of the hub, only the library knows the files.
    if (!isLoadConfig(config)) return { files: [], bytes: 0, isComplete: false };
    return this.#planDownload(config, signal);
  }
}

/** The catalogue rounds sizes of a gigabyte and more to a tenth of one, so they are off by half of that; others are exact. */
function toleranceOf(downloadBytes: number): number {
  return downloadBytes < 1e9 ? 0 : 0.05e9;
}

function isLoadConfig(config: string): boolean {
  return URL.canParse(config) && new URL(config).pathname.endsWith(".json");
}
