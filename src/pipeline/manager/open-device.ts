import { adapterChoice } from "../../config/devices.js";
import type { ModelLoadConfig } from "../load-config.js";
import type { GpuDevice } from "../../gpu/device.js";
import { openGpu } from "../../gpu/open.js";
import type { LoadingOptions } from "./loading-options.js";
import { warnOnConsole } from "../../platform/printable.js";

/**
 * Opens the device that `devices` of a load config asks for, and warns where it asks for what cannot be had. Rejects with
 * `GpuUnavailableError` where there is no adapter at all.
 */
export async function openDevice(
  { data }: ModelLoadConfig,
  options: Pick<LoadingOptions, "onWarning">,
): Promise<GpuDevice> {
  const { prefer, warning } = adapterChoice(data.devices);
  const { onWarning = warnOnConsole } = options;
  if (warning !== undefined) onWarning(warning);
  const gpu = await openGpu({ prefer });
  const { isSoftware, description, device } = gpu.adapter;
  if (prefer === "software" && !isSoftware) {
    onWarning(
      `devices: "cpu" asks for a software adapter, and none was found; models run on ${description || device}.`,
    );
  }
  return gpu;
}
