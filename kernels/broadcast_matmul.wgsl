// Y[m, n] = activation(Σ_k X[m, k] · W[k, n] + bias[n]) + residual[m, n]
//
// As matmul.wgsl, for adapters that compute on the CPU (see lib/broadcast.wgsl).
//: use lib/matmul_params.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl or lib/weights/int8.wgsl
//: use lib/broadcast.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> w: array<StoredWeights>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Element4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let stride = params.panel_vectors;
  let first = first_row(group);
  // Rows and columns beyond the edge are computed from the last one, and not written: all lanes must take part.
  let column = min(group.x * LANES + lane, stride - 1u);
  var x_at: array<u32, MAX_OWN_ROWS>;
  for (var i = 0u; i < MAX_OWN_ROWS; i++) {
    x_at[i] = min(first + i * LANES + lane, params.rows - 1u) * params.inner_vectors;
  }

  var sums: Sums;
  for (var k = 0u; k < params.inner_vectors; k++) {
    let at = k * 4u * stride + column;
    let weight = mat4x4<f32>(
      from_stored(w[at]), from_stored(w[at + stride]), from_stored(w[at + 2u * stride]), from_stored(w[at + 3u * stride]));
    add_rows(&sums, 0u, weight, vec4<f32>(x[x_at[0] + k]));
    if (OWN_ROWS > 1u) {
      add_rows(&sums, 1u, weight, vec4<f32>(x[x_at[1] + k]));
    }
    if (OWN_ROWS > 2u) {
      add_rows(&sums, 2u, weight, vec4<f32>(x[x_at[2] + k]));
    }
    if (OWN_ROWS > 3u) {
      add_rows(&sums, 3u, weight, vec4<f32>(x[x_at[3] + k]));
    }
  }

  if (group.x * LANES + lane >= stride) {
    return;
  }
  let scales = column_scales(params.inner_vectors * 4u * stride, column);
  for (var m = 0u; m < MATRICES; m++) {
    for (var r = 0u; r < 4u; r++) {
      if (first + m * 4u + r < params.rows) {
        finish(sums[m][r] * scales, first + m * 4u + r, column);
      }
    }
  }
}
