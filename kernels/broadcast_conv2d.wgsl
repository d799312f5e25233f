// y[b, oy, ox, o] = activation(Σ_{ky, kx, c} x[b, oy·stride + ky − padding, ox·stride + kx − padding, c] · w[ky, kx, c, o]
//                              + bias[o]) + residual[b, oy, ox, o]
//
// As conv2d.wgsl, for adapters that compute on the CPU (see lib/broadcast.wgsl).
//: use lib/conv2d_params.wgsl
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
  // Pixels and columns beyond the edge are computed from the last one, and not written: all lanes must take part.
  let column = min(group.x * LANES + lane, stride - 1u);
  let plane = params.out_height * params.out_width;

  // Top left corner of the window of each pixel, and the start of its image.
  var corner_y: array<i32, MAX_OWN_ROWS>;
  var corner_x: array<i32, MAX_OWN_ROWS>;
  var image: array<u32, MAX_OWN_ROWS>;
  for (var i = 0u; i < MAX_OWN_ROWS; i++) {
    let p = min(first + i * LANES + lane, params.pixels - 1u);
    let inside = p % plane;
    corner_y[i] = i32(inside / params.out_width * params.stride) - params.top;
    corner_x[i] = i32(inside % params.out_width * params.stride) - i32(params.padding);
    image[i] = p / plane * params.height * params.width;
  }

  var sums: Sums;
  for (var ky = 0u; ky < params.kernel_height; ky++) {
    for (var kx = 0u; kx < params.kernel_width; kx++) {
      var x_at: array<u32, MAX_OWN_ROWS>;
      var factor: array<f32, MAX_OWN_ROWS>;
      for (var i = 0u; i < MAX_OWN_ROWS; i++) {
        let iy = corner_y[i] + i32(ky);
        let ix = corner_x[i] + i32(kx);
        let inside = iy >= 0 && iy < i32(params.height) && ix >= 0 && ix < i32(params.width);
        x_at[i] = select(0u, (image[i] + u32(iy) * params.width + u32(ix)) * params.in_vectors, inside);
        factor[i] = select(0.0, 1.0, inside);
      }
      let tap = (ky * params.kernel_width + kx) * params.in_vectors * 4u;
      for (var k = 0u; k < params.in_vectors; k++) {
        let at = (tap + k * 4u) * stride + column;
        let weight = mat4x4<f32>(
          from_stored(w[at]), from_stored(w[at + stride]), from_stored(w[at + 2u * stride]), from_stored(w[at + 3u * stride]));
        add_rows(&sums, 0u, weight, vec4<f32>(x[x_at[0] + k]) * factor[0]);
        if (OWN_ROWS > 1u) {
          add_rows(&sums, 1u, weight, vec4<f32>(x[x_at[1] + k]) * factor[1]);
        }
        if (OWN_ROWS > 2u) {
          add_rows(&sums, 2u, weight, vec4<f32>(x[x_at[2] + k]) * factor[2]);
        }
        if (OWN_ROWS > 3u) {
          add_rows(&sums, 3u, weight, vec4<f32>(x[x_at[3] + k]) * factor[3]);
        }
      }
    }
  }

  if (group.x * LANES + lane >= stride) {
    return;
  }
  let weights = params.kernel_height * params.kernel_width * params.in_vectors * 4u * stride;
  let scales = column_scales(weights, column);
  for (var m = 0u; m < MATRICES; m++) {
    for (var r = 0u; r < 4u; r++) {
      if (first + m * 4u + r < params.pixels) {
        finish(sums[m][r] * scales, first + m * 4u + r, column);
      }
    }
  }
}
