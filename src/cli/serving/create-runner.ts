import { keptTuning } from "../../tuning/kept.js";
import type { QueueLimits } from "../../server/jobs/fair-queue.js";
import type { JobRunner } from "../../server/jobs/job-runner.js";
import { GpuHostDevice } from "../../server/local/gpu-host-device.js";
import type { HostOptions } from "../../server/local/model-host.js";
import { LocalRunner } from "../../server/local/local-runner.js";
import { say } from "../output.js";

/** What runs the jobs of a server. */
export interface RunnerSettings extends Omit<HostOptions, "openDevice">, QueueLimits {
  /** Whether the first model is opened at the start. */
  readonly preloads: boolean;
}

/** Opens what runs the jobs of a server: the GPU of this process. Rejects as `LocalRunner.open`. */
export function createRunner({ preloads, ...settings }: RunnerSettings): Promise<JobRunner> {
  const [first] = settings.models;
  return LocalRunner.open({
    ...settings,
    preload: preloads && first ? [first.name] : [],
    openDevice: () => GpuHostDevice.open({ tuning: keptTuning({ onWarning: say }) }),
  });
}
