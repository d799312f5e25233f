// Y[m, n] = activation(Σ_k X[m, k] · W[k, n] + bias[n]) + residual[m, n]
//
// As matmul.wgsl, in half precision by matrix units (see lib/matrix.wgsl).
//: later matrix
//: use lib/matmul_params.wgsl
//: use lib/matrix.wgsl

// Type of y.
alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f16>>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

// The units of the current step in each row, and which of the inner axis they are.
var<private> x_at: vec4<u32>;
var<private> inner_unit: u32;
var<private> w_row: u32;

fn rows() -> u32 {
  return params.rows;
}

fn inner_units() -> u32 {
  return params.inner_vectors / 2u;
}

fn all_steps() -> u32 {
  return (inner_units() + X_WIDTH - 1u) / X_WIDTH;
}

fn start_x(row: vec4<u32>, unit: u32, step: u32) {
  inner_unit = step * X_WIDTH + unit;
  // Rows beyond the edge are computed from the last one, and not written.
  x_at = min(row, vec4<u32>(params.rows - 1u)) * inner_units() + inner_unit;
  w_row = step * DEPTH;
}

fn next_step() {
  inner_unit += X_WIDTH;
  x_at += X_WIDTH;
  w_row += DEPTH;
}

fn load_x(slot: u32) -> vec4<u32> {
  return select(vec4<u32>(0u), x[x_at[slot]], inner_unit < inner_units());
}
