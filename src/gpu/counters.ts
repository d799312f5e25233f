/** Counts of operations since the device was opened. */
export interface GpuCounters {
  /** Writes from the host, including those of `Params`. */
  uploads: number;
  bindGroups: number;
  submits: number;
  dispatches: number;
}
