/** What was asked of a device since it was opened. */
export interface GpuCounters {
  /** Writes of host memory, those of `Params` included. */
  uploads: number;
  bindGroups: number;
  submits: number;
  dispatches: number;
}
