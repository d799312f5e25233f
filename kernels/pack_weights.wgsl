// target[tap, i, o] = source[o − first_row, i, tap]
//
// Converts rows of a torch weight `[out, in, taps]` (a linear layer has one tap, a convolution has kh·kw) to the layout
// of matmul and conv2d: output channels innermost, both channel axes padded with zeros to whole vec4s. One invocation
// writes one vec4 of output channels. The source has `rows` rows of the weight, from `first_row` on. source and packed may
// be parts: some rows, or some input channels.
//: use lib/elementwise.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl

struct Params {
  invocations: u32,
  first_row: u32,
  rows: u32,
  // Input channels in a row of the source, and those to pack.
  row_inputs: u32,
  inputs: u32,
  taps: u32,
  padded_inputs: u32,
  out_vectors: u32,
}

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<StoredWeights>;
@group(0) @binding(2) var<uniform> params: Params;

fn run(index: u32) {
  let row_vectors = (params.rows + 3u) / 4u;
  let vector = index % row_vectors;
  let input = index / row_vectors % params.padded_inputs;
  let tap = index / (row_vectors * params.padded_inputs);
  var values = vec4<f32>();
  if (input < params.inputs) {
    for (var j = 0u; j < 4u; j++) {
      let row = vector * 4u + j;
      if (row < params.rows) {
        values[j] = source[(row * params.row_inputs + input) * params.taps + tap];
      }
    }
  }
  packed[(tap * params.padded_inputs + input) * params.out_vectors + params.first_row / 4u + vector] = to_stored(values);
}
