/** An operation in PyTorch with CUDA, by its name in `operations.json`. */
export interface TorchRow {
  readonly name: string;
  readonly dtype: "f32" | "f16";
  readonly mode: "eager" | "compiled";
  readonly milliseconds: number;
}
