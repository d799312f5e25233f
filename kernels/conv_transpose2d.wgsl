// y[b, 2m + i, 2n + j, o] = Σ_{p, q ∈ {0, 1}, c} x[b, m + i − p, n + j − q, c] · w[1 − i + 2p, 1 − j + 2q, o, c] + bias[o]
//
// A transposed convolution with a 4×4 kernel, stride 2 and padding 1. Each pixel (i, j) of a 2×2 patch of the result sees
// its own four taps of the kernel, so that the product is four 2×2 convolutions, one for each; a workgroup does one of
// them. Layouts: x and y NHWC, w `[ky, kx, o, c]` with both channel axes padded with zeros to whole vec4s. Sums in f32.
// Each invocation keeps TILE_ROWS pixels of x × TILE_VECTORS vec4s of output channels in registers (see matmul.wgsl).
// Taps outside of the image add nothing.

alias Element = f32;
alias Element4 = vec4<Element>;

const TILE_ROWS: u32 = 4u; //: const
const TILE_VECTORS: u32 = 2u; //: const

struct Params {
  // Of x.
  pixels: u32,
  height: u32,
  width: u32,
  in_vectors: u32,
  out_vectors: u32,
  // Workgroups in x for each of the four convolutions.
  columns: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> w: array<Element4>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<Element4>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(4, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let corner = group.x / params.columns;
  let i = corner / 2u;
  let j = corner % 2u;
  let column = (group.x % params.columns * 4u + local.x) * TILE_VECTORS;
  let pixel = ((group.z * 65535u + group.y) * 8u + local.y) * TILE_ROWS;
  if (pixel >= params.pixels || column >= params.out_vectors) {
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
  for (var p = 0u; p < 2u; p++) {
    for (var q = 0u; q < 2u; q++) {
      var x_at: array<u32, TILE_ROWS>;
      var weight: array<f32, TILE_ROWS>;
      for (var r = 0u; r < TILE_ROWS; r++) {
        let iy = i32(row_y[r] + i) - i32(p);
        let ix = i32(row_x[r] + j) - i32(q);
        let inside = iy >= 0 && iy < i32(params.height) && ix >= 0 && ix < i32(params.width);
        x_at[r] = select(0u, (image[r] * plane + u32(iy) * params.width + u32(ix)) * params.in_vectors, inside);
        weight[r] = select(0.0, 1.0, inside);
      }
      let tap = ((1u - i + 2u * p) * 4u + 1u - j + 2u * q) * params.out_vectors * 4u;
      for (var k = 0u; k < params.in_vectors; k++) {
        var a: array<vec4<f32>, TILE_ROWS>;
        for (var r = 0u; r < TILE_ROWS; r++) {
          a[r] = vec4<f32>(x[x_at[r] + k]) * weight[r];
        }
        for (var v = 0u; v < TILE_VECTORS; v++) {
          let channel = tap + min(column + v, params.out_vectors - 1u) * 4u;
          let w0 = vec4<f32>(w[channel * params.in_vectors + k]);
          let w1 = vec4<f32>(w[(channel + 1u) * params.in_vectors + k]);
          let w2 = vec4<f32>(w[(channel + 2u) * params.in_vectors + k]);
          let w3 = vec4<f32>(w[(channel + 3u) * params.in_vectors + k]);
          for (var r = 0u; r < TILE_ROWS; r++) {
            sum[r * TILE_VECTORS + v] += vec4<f32>(dot(a[r], w0), dot(a[r], w1), dot(a[r], w2), dot(a[r], w3));
          }
        }
      }
    }
  }

  for (var r = 0u; r < TILE_ROWS; r++) {
    if (pixel + r >= params.pixels) {
      break;
    }
    let out_row = (image[r] * params.height + row_y[r]) * 2u + i;
    let out_pixel = (out_row * params.width + row_x[r]) * 2u + j;
    for (var v = 0u; v < TILE_VECTORS; v++) {
      if (column + v >= params.out_vectors) {
        break;
      }
      y[out_pixel * params.out_vectors + column + v] = Element4(sum[r * TILE_VECTORS + v] + bias[column + v]);
    }
  }
}
