/** Counts of operations since the device was opened. */
export interface GpuCounters {
  /** Writes from the host, including those of `Params`. */
  uploads: number;
  /** Bind groups made. */
  bindGroups: number;
  /** Submits to the queue. */
  submits: number;
  /** Kernels run. */
  dispatches: number;
}
