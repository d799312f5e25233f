// Y[m, n] = activation(Σ_k X[m, k] · W[k, n] + bias[n]) + residual[m, n]
//
// As matmul.wgsl, through workgroup memory (see lib/tiled.wgsl).
//: use lib/epilogue.wgsl
//: use lib/rows.wgsl
//: use lib/tiled.wgsl

// Type of x, w and residual.
alias Stored = f32;
alias Stored4 = vec4<Stored>;
// Type of y.
alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  epilogue: Epilogue,
  first_vector: u32,
  panel_vectors: u32,
  rows: u32,
  inner_vectors: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Stored4>;
@group(0) @binding(1) var<storage, read> w: array<Stored4>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Stored4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;
