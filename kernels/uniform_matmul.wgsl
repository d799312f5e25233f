// Y[m, n] = activation(Σ_k X[m, k] · W[k, n] + bias[n]) + residual[m, n]
//
// As matmul.wgsl, for adapters that compute on the CPU (see lib/uniform.wgsl).
//: use lib/matmul_params.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl or lib/weights/int8.wgsl
//: use lib/uniform.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> w: array<StoredWeights>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Element4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let stride = params.panel_vectors;
  let row = rows_of_lane(group, lane);
  let first_column = group.x * VECTORS;
  // Rows and columns beyond the edge are computed from the last one, and not written.
  let x_at = min(row, vec4<u32>(params.rows - 1u)) * params.inner_vectors;

  var sum: array<mat4x4<f32>, VECTORS>;
  for (var k = 0u; k < params.inner_vectors; k++) {
    let rows = mat4x4<f32>(
      vec4<f32>(x[x_at[0] + k]), vec4<f32>(x[x_at[1] + k]), vec4<f32>(x[x_at[2] + k]), vec4<f32>(x[x_at[3] + k]));
    for (var j = 0u; j < VECTORS; j++) {
      let at = k * 4u * stride + min(first_column + j, stride - 1u);
      let weight = mat4x4<f32>(
        from_stored(w[at]), from_stored(w[at + stride]), from_stored(w[at + 2u * stride]), from_stored(w[at + 3u * stride]));
      sum[j] += weight * rows;
    }
  }

  for (var j = 0u; j < VECTORS; j++) {
    let column = first_column + j;
    if (column < stride) {
      let scales = column_scales(params.inner_vectors * 4u * stride, column);
      for (var r = 0u; r < LANE_ROWS; r++) {
        if (row[r] < params.rows) {
          finish(sum[j][r] * scales, row[r], column);
        }
      }
    }
  }
}
