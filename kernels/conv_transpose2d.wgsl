// y[b, 2m + i, 2n + j, o] = Σ_{p, q ∈ {0, 1}, c} x[b, m + i − p, n + j − q, c] · w[1 − i + 2p, 1 − j + 2q, o, c]
//
// with bias, activation and residual as in lib/epilogue.wgsl.
//
// A transposed convolution with a 4×4 kernel, stride 2 and padding 1. Each pixel (i, j) of a 2×2 patch of the result
// has its own four taps of the kernel. So the product consists of four 2×2 convolutions, and a workgroup computes one
// of them. Layouts: x and y NHWC, w `[ky, kx, o, c]` with both channel axes padded with zeros to whole vec4s. Sums in
// f32. Each invocation keeps TILE_ROWS pixels of x × TILE_VECTORS vec4s of output channels in registers (see
// matmul.wgsl). Taps outside of the image add 0.
//: use lib/conv_transpose2d_params.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl or lib/weights/int8.wgsl
//: use lib/product.wgsl

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

@compute @workgroup_size(GROUP_COLUMNS, GROUP_ROWS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let corner = group.x / params.columns;
  let i = corner / STRIDE;
  let j = corner % STRIDE;
  let column = tile_column(group.x % params.columns, local);
  let pixel = tile_row(group, local);
  let out_vectors = params.panel_vectors;
  if (pixel >= params.pixels || column >= out_vectors) {
    return;
  }
  let plane = params.height * params.width;

  var row_y: array<u32, TILE_ROWS>;
  var row_x: array<u32, TILE_ROWS>;
  var image: array<u32, TILE_ROWS>;
  for (var r = 0u; r < TILE_ROWS; r++) {
    let at = min(pixel + r, params.pixels - 1u);
    row_y[r] = at % plane / params.width;
    row_x[r] = at % params.width;
    image[r] = at / plane;
  }

  var sum: array<vec4<f32>, TILE_ROWS * TILE_VECTORS>;
  for (var p = 0u; p < params.taps; p++) {
    for (var q = 0u; q < params.taps; q++) {
      var x_at: array<u32, TILE_ROWS>;
      var weight: array<f32, TILE_ROWS>;
      for (var r = 0u; r < TILE_ROWS; r++) {
        let iy = i32(params.first_row + row_y[r] + i) - i32(p);
        let ix = i32(row_x[r] + j) - i32(q);
        let inside = iy >= 0 && iy < i32(params.height) && ix >= 0 && ix < i32(params.width);
        x_at[r] = select(0u, (image[r] * plane + u32(iy) * params.width + u32(ix)) * params.in_vectors, inside);
        weight[r] = select(0.0, 1.0, inside);
      }
      let tap = ((1u - i + STRIDE * p) * KERNEL + 1u - j + STRIDE * q) * out_vectors * 4u;
      for (var k = 0u; k < params.in_vectors; k++) {
        var a: array<vec4<f32>, TILE_ROWS>;
        for (var r = 0u; r < TILE_ROWS; r++) {
          a[r] = vec4<f32>(x[x_at[r] + k]) * weight[r];
        }
        for (var v = 0u; v < TILE_VECTORS; v++) {
          let channel = tap + min(column + v, out_vectors - 1u) * 4u;
          let w0 = from_stored(w[channel * params.in_vectors + k]);
          let w1 = from_stored(w[(channel + 1u) * params.in_vectors + k]);
          let w2 = from_stored(w[(channel + 2u) * params.in_vectors + k]);
          let w3 = from_stored(w[(channel + 3u) * params.in_vectors + k]);
          for (var r = 0u; r < TILE_ROWS; r++) {
            sum[r * TILE_VECTORS + v] += vec4<f32>(dot(a[r], w0), dot(a[r], w1), dot(a[r], w2), dot(a[r], w3));
          }
        }
      }
    }
  }

  let weights = KERNEL * KERNEL * out_vectors * 4u * params.in_vectors;
  for (var r = 0u; r < TILE_ROWS; r++) {
    if (pixel + r >= params.pixels) {
      break;
    }
    let out_row = (image[r] * params.height + row_y[r]) * STRIDE + i;
    let out_pixel = (out_row * params.width + row_x[r]) * STRIDE + j;
    for (var v = 0u; v < TILE_VECTORS; v++) {
      if (column + v >= out_vectors) {
        break;
      }
      finish(sum[r * TILE_VECTORS + v] * column_scales(weights, column + v), out_pixel, column + v);
    }
  }
}
