/** A tensor on the host, row major and without padding. */
export interface HostTensor<Data = Float32Array> {
  /** Lengths of its axes. */
  readonly shape: readonly number[];
  /** Its values. */
  readonly data: Data;
}
