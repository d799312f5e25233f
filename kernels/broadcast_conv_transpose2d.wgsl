// y[b, 2m + i, 2n + j, o] = Σ_{p, q ∈ {0, 1}, c} x[b, m + i − p, n + j − q, c] · w[1 − i + 2p, 1 − j + 2q, o, c]
//
// As conv_transpose2d.wgsl, for adapters that compute on the CPU (see lib/broadcast.wgsl).
//: use lib/conv_transpose2d_params.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl or lib/weights/int8.wgsl
//: use lib/broadcast.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

// The only supported values: the sums below are written for them.
const KERNEL: u32 = 4u;
const STRIDE: u32 = 2u;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> w: array<StoredWeights>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Element4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
  let corner = group.x / params.columns;
  let i = corner / STRIDE;
  let j = corner % STRIDE;
  let vector = group.x % params.columns * LANES + lane;
  let first = first_row(group);
  let inputs = params.in_vectors;
  // Pixels and columns beyond the edge are computed from the last one, and not written: all lanes must take part.
  let column = min(vector, params.panel_vectors - 1u);
  let plane = params.height * params.width;

  // Last pixel of the window of each pixel, and the start of its image.
  var corner_y: array<i32, MAX_OWN_ROWS>;
  var corner_x: array<i32, MAX_OWN_ROWS>;
  var image: array<u32, MAX_OWN_ROWS>;
  for (var n = 0u; n < MAX_OWN_ROWS; n++) {
    let pixel = min(first + n * LANES + lane, params.pixels - 1u);
    corner_y[n] = i32(params.first_row + pixel % plane / params.width + i);
    corner_x[n] = i32(pixel % params.width + j);
    image[n] = pixel / plane * plane;
  }

  var sums: Sums;
  for (var p = 0u; p < params.taps; p++) {
    for (var q = 0u; q < params.taps; q++) {
      var x_at: array<u32, MAX_OWN_ROWS>;
      var factor: array<f32, MAX_OWN_ROWS>;
      for (var n = 0u; n < MAX_OWN_ROWS; n++) {
        let iy = corner_y[n] - i32(p);
        let ix = corner_x[n] - i32(q);
        let inside = iy >= 0 && iy < i32(params.height) && ix >= 0 && ix < i32(params.width);
        x_at[n] = select(0u, (image[n] + u32(iy) * params.width + u32(ix)) * inputs, inside);
        factor[n] = select(0.0, 1.0, inside);
      }
      let tap = ((1u - i + STRIDE * p) * KERNEL + 1u - j + STRIDE * q) * params.panel_vectors * 4u;
      for (var k = 0u; k < inputs; k++) {
        let at = (tap + column * 4u) * inputs + k;
        // The inputs of an output are together in w. To transpose what a lane has costs nothing.
        let weight = transpose(mat4x4<f32>(
          from_stored(w[at]), from_stored(w[at + inputs]), from_stored(w[at + 2u * inputs]), from_stored(w[at + 3u * inputs])));
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

  if (vector >= params.panel_vectors) {
    return;
  }
  let scales = column_scales(KERNEL * KERNEL * params.panel_vectors * 4u * inputs, column);
  for (var m = 0u; m < MATRICES; m++) {
    for (var r = 0u; r < 4u; r++) {
      let pixel = first + m * 4u + r;
      if (pixel < params.pixels) {
        let out_row = (pixel / plane * params.height + pixel % plane / params.width) * STRIDE + i;
        finish(sums[m][r] * scales, (out_row * params.width + pixel % params.width) * STRIDE + j, column);
      }
    }
  }
}
