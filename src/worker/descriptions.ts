// What the worker says of what it has opened: plain data.
import type { ModelLoadConfigData } from "../config/load-config-data.js";
import type { AdapterDescription, GpuFeatures } from "../gpu/adapter.js";
import type { TuningTable } from "../gpu/tuning.js";
import type { GpuLimits } from "../gpu/web-gpu-device.js";
import type { DefaultSettings } from "../pipeline/manager/default-settings.js";
import type { ModelInfos } from "../pipeline/manager/model-info.js";
import type { ComputeType, WeightFormat } from "../tensor/dtype.js";

/** A device. */
export interface GpuDescription {
  readonly adapter: AdapterDescription;
  readonly features: GpuFeatures;
  readonly limits: GpuLimits;
  readonly tuning: TuningTable;
  readonly memoryBytes: number | undefined;
}

/** A load config, as its class has it. */
export interface ConfigDescription {
  /** Name, path or URL of the config, for messages. */
  readonly source: string;
  /** Content of the config, with defaults filled in. */
  readonly data: ModelLoadConfigData;
}

/** A model manager. */
export interface ManagerDescription extends ModelInfos {
  readonly config: ConfigDescription;
  readonly gpu: GpuDescription;
  readonly dtype: ComputeType;
  readonly weightFormat: WeightFormat;
  readonly defaults: DefaultSettings;
}
