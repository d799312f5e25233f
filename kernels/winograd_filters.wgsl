// filters[p·POINTS + q, i, o] = (G w Gᵀ)[p, q], for each input channel i and output channel o
//
// Transforms the weight of a 3×3 convolution for winograd_input.wgsl, winograd_products.wgsl and winograd_result.wgsl. w is a
// panel `[ky, kx, i, o]`. Both have channels in whole vec4s, and zeros in the padding. One invocation per input channel and vec4
// of output channels. Runs once, when weights are loaded.
//: use lib/elementwise.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl
//: use lib/winograd/f2.wgsl or lib/winograd/f4.wgsl

struct Params {
  invocations: u32,
  inputs: u32,
  // vec4s of output channels: in a row of w, of the filters, and to transform.
  row_vectors: u32,
  filter_vectors: u32,
  vectors: u32,
  // First vec4 of the panel, and where it is among the filters.
  first_source: u32,
  first_vector: u32,
  // 3, 3 and POINTS. Uniform data, because unrolled loops compile slowly on software adapters.
  kernel_height: u32,
  kernel_width: u32,
  points: u32,
}

@group(0) @binding(0) var<storage, read> w: array<StoredWeights>;
@group(0) @binding(1) var<storage, read_write> filters: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

fn run(index: u32) {
  let input = index / params.vectors;
  let vector = index % params.vectors;
  var rows: array<array<vec4<f32>, POINTS>, 3>;
  for (var ky = 0u; ky < params.kernel_height; ky++) {
    var g: array<vec4<f32>, 3>;
    for (var kx = 0u; kx < params.kernel_width; kx++) {
      let at = ((ky * 3u + kx) * params.inputs + input) * params.row_vectors + params.first_source + vector;
      g[kx] = from_stored(w[at]);
    }
    rows[ky] = transform_filter(g);
  }
  for (var q = 0u; q < params.points; q++) {
    var column = transform_filter(array<vec4<f32>, 3>(rows[0][q], rows[1][q], rows[2][q]));
    for (var p = 0u; p < params.points; p++) {
      let at = ((p * POINTS + q) * params.inputs + input) * params.filter_vectors + params.first_vector + vector;
      filters[at] = column[p];
    }
  }
}
