import { adapterChoice } from "../../config/devices.js";
import type { ModelLoadConfig } from "../load-config.js";
import type { GpuDevice } from "../../gpu/device.js";
import { openGpu, type OpenGpuOptions } from "../../gpu/open.js";
import type { LoadingOptions } from "./loading-options.js";
import { warnOnConsole } from "../../platform/printable.js";

/**
 * Opens the device that `devices` of a load config asks for. Warns if there is no such device and another is used. Rejects with
 * `GpuUnavailableError` if there is no adapter.
 */
export async function openDevice(
  { data }: ModelLoadConfig,
  options: Pick<LoadingOptions, "onWarning"> & Pick<OpenGpuOptions, "tuning">,
): Promise<GpuDevice> {
  const { prefer, warning } = adapterChoice(data.devices);
  const { onWarning = warnOnConsole, tuning } = options;
  if (warning !== undefined) onWarning(warning);
  const gpu = await openGpu({ prefer, tuning });
  const { isSoftware, description, device } = gpu.adapter;
  if (prefer === "software" && !isSoftware) {
    onWarning(
      `devices: "cpu" asks for a software adapter, but none was found: models run on ${description || device}.`,
    );
  }
  return gpu;
}
