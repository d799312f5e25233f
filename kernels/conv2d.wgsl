// y[b, oy, ox, o] = activation(Σ_{ky, kx, c} x[b, oy·stride + ky − padding, ox·stride + kx − padding, c] · w[ky, kx, c, o]
//                              + bias[o]) + residual[b, oy, ox, o]
//
// Implicit GEMM: output pixels are the rows, (ky, kx, c) is the inner axis, and nothing is unfolded in memory. Layouts:
// x, y and residual NHWC, w `[ky, kx, c, o]`, channels in whole vec4s with zero padding. Sums in f32. Each invocation
// keeps TILE_ROWS pixels × TILE_VECTORS vec4s of output channels in registers (see matmul.wgsl). Taps outside of the
// image add 0.
//: use lib/conv2d_params.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl or lib/weights/int8.wgsl
//: use lib/product.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> w: array<StoredWeights>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Element4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(GROUP_COLUMNS, GROUP_ROWS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let column = tile_column(group.x, local);
  let pixel = tile_row(group, local);
  let columns = params.panel_vectors;
  if (pixel >= params.pixels || column >= columns) {
    return;
  }
  let plane = params.out_height * params.out_width;

  // Top left corner of the window of each pixel, and the start of its image.
  var corner_y: array<i32, TILE_ROWS>;
  var corner_x: array<i32, TILE_ROWS>;
  var image: array<u32, TILE_ROWS>;
  for (var i = 0u; i < TILE_ROWS; i++) {
    let p = min(pixel + i, params.pixels - 1u);
    let inside = p % plane;
    corner_y[i] = i32(inside / params.out_width * params.stride) - params.top;
    corner_x[i] = i32(inside % params.out_width * params.stride) - i32(params.padding);
    image[i] = p / plane * params.height * params.width;
  }
  var w_at: array<u32, TILE_VECTORS>;
  for (var j = 0u; j < TILE_VECTORS; j++) {
    w_at[j] = min(column + j, columns - 1u);
  }

  var sum: array<vec4<f32>, TILE_ROWS * TILE_VECTORS>;
  for (var ky = 0u; ky < params.kernel_height; ky++) {
    for (var kx = 0u; kx < params.kernel_width; kx++) {
      var x_at: array<u32, TILE_ROWS>;
      var weight: array<f32, TILE_ROWS>;
      for (var i = 0u; i < TILE_ROWS; i++) {
        let iy = corner_y[i] + i32(ky);
        let ix = corner_x[i] + i32(kx);
        let inside = iy >= 0 && iy < i32(params.height) && ix >= 0 && ix < i32(params.width);
        x_at[i] = select(0u, (image[i] + u32(iy) * params.width + u32(ix)) * params.in_vectors, inside);
        weight[i] = select(0.0, 1.0, inside);
      }
      let tap = (ky * params.kernel_width + kx) * params.in_vectors * 4u;
      for (var k = 0u; k < params.in_vectors; k++) {
        var a: array<vec4<f32>, TILE_ROWS>;
        for (var i = 0u; i < TILE_ROWS; i++) {
          a[i] = vec4<f32>(x[x_at[i] + k]) * weight[i];
        }
        for (var j = 0u; j < TILE_VECTORS; j++) {
          let at = (tap + k * 4u) * columns + w_at[j];
          let w0 = from_stored(w[at]);
          let w1 = from_stored(w[at + columns]);
          let w2 = from_stored(w[at + 2u * columns]);
          let w3 = from_stored(w[at + 3u * columns]);
          for (var i = 0u; i < TILE_ROWS; i++) {
            sum[i * TILE_VECTORS + j] += a[i].x * w0 + a[i].y * w1 + a[i].z * w2 + a[i].w * w3;
          }
        }
      }
    }
  }

  let weights = params.kernel_height * params.kernel_width * params.in_vectors * 4u * columns;
  for (var j = 0u; j < TILE_VECTORS; j++) {
    if (column + j >= columns) {
      break;
    }
    let scales = column_scales(weights, column + j);
    for (var i = 0u; i < TILE_ROWS; i++) {
      if (pixel + i >= params.pixels) {
        break;
      }
      finish(sum[i * TILE_VECTORS + j] * scales, pixel + i, column + j);
    }
  }
}
