// Y[m, n] = activation(Σ_k X[m, k] · W[k, n] + bias[n]) + residual[m, n]
//
// As matmul.wgsl, through workgroup memory (see lib/tiled.wgsl).
//: use lib/matmul_params.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl or lib/weights/int8.wgsl
//: use lib/tiled.wgsl

// Type of x and residual.
alias Stored = f32;
alias Stored4 = vec4<Stored>;
// Type of y.
alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Stored4>;
@group(0) @binding(1) var<storage, read> w: array<StoredWeights>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Stored4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

// The units of the current step, and which of the inner axis they are.
var<private> x_at: vec4<u32>;
var<private> inner_unit: u32;

fn rows() -> u32 {
  return params.rows;
}

/// Units of the inner axis.
fn inner_units() -> u32 {
  return params.inner_vectors;
}

/// Goes to a unit of the inner axis in four rows. Those beyond the edge are computed from the last one, and not written.
fn start_x(row: vec4<u32>, unit: u32) {
  x_at = min(row, vec4<u32>(params.rows - 1u)) * inner_units() + unit;
  inner_unit = unit;
}

/// Returns whether the current unit of a row exists: beyond the inner axis, x is zero.
fn x_exists(row: u32) -> bool {
  return inner_unit < inner_units();
}

fn advance_x(units: u32) {
  x_at += units;
  inner_unit += units;
}
