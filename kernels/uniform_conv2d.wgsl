// y[b, oy, ox, o] = activation(Σ_{ky, kx, c} x[b, oy·stride + ky − padding, ox·stride + kx − padding, c] · w[ky, kx, c, o]
//                              + bias[o]) + residual[b, oy, ox, o]
//
// As conv2d.wgsl, for adapters that compute on the CPU (see lib/uniform.wgsl).
//: use lib/conv2d_params.wgsl
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

  // Top left corner of the window of each pixel, and the start of its image. Pixels and columns beyond the edge are computed
  // from the last one, and not written.
  let pixel = min(row, vec4<u32>(params.pixels - 1u));
  let plane = params.out_height * params.out_width;
  let inside = pixel % plane;
  let corner_y = vec4<i32>(inside / params.out_width * params.stride) - params.top;
  let corner_x = vec4<i32>(inside % params.out_width * params.stride) - i32(params.padding);
  let image = pixel / plane * params.height * params.width;

  var sum: array<mat4x4<f32>, VECTORS>;
  for (var ky = 0u; ky < params.kernel_height; ky++) {
    for (var kx = 0u; kx < params.kernel_width; kx++) {
      let iy = corner_y + i32(ky);
      let ix = corner_x + i32(kx);
      // Negative numbers become large.
      let seen = (vec4<u32>(iy) < vec4<u32>(params.height)) & (vec4<u32>(ix) < vec4<u32>(params.width));
      let x_at = select(vec4<u32>(), (image + vec4<u32>(iy) * params.width + vec4<u32>(ix)) * params.in_vectors, seen);
      let factor = select(vec4<f32>(), vec4<f32>(1.0), seen);
      let tap = (ky * params.kernel_width + kx) * params.in_vectors * 4u;
      for (var k = 0u; k < params.in_vectors; k++) {
        let rows = mat4x4<f32>(
          vec4<f32>(x[x_at[0] + k]) * factor[0],
          vec4<f32>(x[x_at[1] + k]) * factor[1],
          vec4<f32>(x[x_at[2] + k]) * factor[2],
          vec4<f32>(x[x_at[3] + k]) * factor[3]);
        for (var j = 0u; j < VECTORS; j++) {
          let at = (tap + k * 4u) * stride + min(first_column + j, stride - 1u);
          let weight = mat4x4<f32>(
            from_stored(w[at]), from_stored(w[at + stride]), from_stored(w[at + 2u * stride]), from_stored(w[at + 3u * stride]));
          sum[j] += weight * rows;
        }
      }
    }
  }

  let weights = params.kernel_height * params.kernel_width * params.in_vectors * 4u * stride;
  for (var j = 0u; j < VECTORS; j++) {
    let column = first_column + j;
    if (column < stride) {
      let scales = column_scales(weights, column);
      for (var r = 0u; r < LANE_ROWS; r++) {
        if (row[r] < params.pixels) {
          finish(sum[j][r] * scales, row[r], column);
        }
      }
    }
  }
}
