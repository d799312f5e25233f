/** A tensor on the host, row major and without padding. */
export interface HostTensor<Data = Float32Array> {
  readonly shape: readonly number[];
  readonly data: Data;
}
