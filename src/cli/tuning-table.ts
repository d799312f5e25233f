import { existsSync } from "node:fs";
import type { DeviceFacts, TuningTable } from "../gpu/tuning.js";
import { UsageError } from "./errors.js";

/** The table that `--tuning` names: one of the package, or one in a file. `others`: what else the option takes. */
export async function namedTable(tuning: string, others = ""): Promise<TuningTable> {
  const { shippedTables } = await import("../gpu/tuning.js");
  const shipped = shippedTables.find(({ id }) => id === tuning);
  if (shipped) return shipped;
  if (!existsSync(tuning)) {
    const names = shippedTables.map(({ id }) => id).join(", ");
    throw new UsageError(`--tuning ${tuning}: there is no such file. Tables of the package: ${names}${others}.`);
  }
  const { readTuningFile } = await import("../tuning/kept.js");
  return readTuningFile(tuning);
}

/** A device like those that a table is for: a software adapter or a GPU, with what its kernels need. */
export async function deviceOf(tuning: TuningTable): Promise<DeviceFacts> {
  const { isGpuTable, lanesOf } = await import("../gpu/tuning.js");
  const isGpu = isGpuTable(tuning);
  return {
    adapter: {
      vendor: "",
      architecture: "",
      device: "",
      description: `an adapter for table ${tuning.id}`,
      implementation: "none",
      isSoftware: !isGpu,
      lanes: lanesOf(tuning),
      matrix: isGpu ? { rows: 16, columns: 16, inner: 16 } : undefined,
    },
    features: { f16: true, subgroups: true, subgroupMatrix: isGpu, timestamps: false },
    tuning,
  };
}
