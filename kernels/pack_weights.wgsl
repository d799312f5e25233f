// target[tap, i, o] = source[o − first_row, i, tap]
//
// Converts rows of a torch weight `[out, in, taps]` (a linear layer has one tap, a convolution has kh·kw) to the layout
// of matmul and conv2d: output channels innermost, both channel axes padded with zeros to whole vec4s. One invocation
// writes one vec4 of output channels. The source has `rows` rows of the weight, from `first_row` on. source and packed may
// be parts: some rows, or some input channels.
//
// The source is as it is in the file: f32, f16 or bf16. Conversions are computed on bits, because a GPU may lose subnormal
// halves, and may round in other ways than to nearest even.
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
  // Format of the source.
  format: u32,
  // 1 if values are rounded to halves.
  rounds: u32,
}

const F32 = 0u;
const F16 = 1u;

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> packed: array<StoredWeights>;
@group(0) @binding(2) var<uniform> params: Params;

// The bits of an element; 16 bits are in the lower half.
fn bits_at(element: u32) -> u32 {
  let is_whole = params.format == F32;
  let word = source[select(element / 2u, element, is_whole)];
  return select((word >> (16u * (element % 2u))) & 0xffffu, word, is_whole);
}

// The f32 values of bits.
fn decoded(bits: vec4<u32>) -> vec4<f32> {
  if (params.format == F32) {
    return bitcast<vec4<f32>>(bits);
  }
  if (params.format != F16) {
    return bitcast<vec4<f32>>(bits << vec4(16u));
  }
  // 1 sign, 5 exponent and 10 fraction bits.
  let sign = (bits & vec4(0x8000u)) << vec4(16u);
  let magnitude = bits & vec4(0x7fffu);
  let normal = (magnitude << vec4(13u)) + vec4(112u << 23u);
  let not_finite = (magnitude << vec4(13u)) | vec4(0x7f800000u);
  // fraction · 2⁻²⁴
  let subnormal = bitcast<vec4<u32>>(vec4<f32>(magnitude) * 0x1p-24f);
  var result = select(normal, not_finite, magnitude >= vec4(0x7c00u));
  result = select(result, subnormal, magnitude < vec4(0x400u));
  return bitcast<vec4<f32>>(sign | result);
}

// The nearest halves, ties to even; beyond ±65504 infinite.
fn rounded(values: vec4<f32>) -> vec4<f32> {
  let bits = bitcast<vec4<u32>>(values);
  let sign = bits & vec4(0x80000000u);
  let magnitude = bits & vec4(0x7fffffffu);
  let odd = (magnitude >> vec4(13u)) & vec4(1u);
  let normal = (magnitude + vec4(0xfffu) + odd) & vec4(0xffffe000u);
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴.
  let subnormal = bitcast<vec4<u32>>(round(abs(values) * 0x1p24f) * 0x1p-24f);
  var result = select(normal, subnormal, magnitude < vec4(0x38800000u));
  result = select(result, vec4(0x7f800000u), magnitude >= vec4(0x477ff000u));
  result = select(result, magnitude | vec4(0x2000u), magnitude > vec4(0x7f800000u));
  return bitcast<vec4<f32>>(sign | result);
}

fn run(index: u32) {
  let row_vectors = (params.rows + 3u) / 4u;
  let vector = index % row_vectors;
  let input = index / row_vectors % params.padded_inputs;
  let tap = index / (row_vectors * params.padded_inputs);
  var bits = vec4<u32>();
  if (input < params.inputs) {
    for (var j = 0u; j < 4u; j++) {
      let row = vector * 4u + j;
      if (row < params.rows) {
        bits[j] = bits_at((row * params.row_inputs + input) * params.taps + tap);
      }
    }
  }
  var values = decoded(bits);
  if (params.rounds == 1u) {
    values = rounded(values);
  }
  packed[(tap * params.padded_inputs + input) * params.out_vectors + params.first_row / 4u + vector] = to_stored(values);
}
