// Records the first pass of a sampler with values that are not finite, so that the host need not read all values.
//
// prediction, state: f32, bound as bits. first: [first pass with infinity or NaN in the prediction, the same for the
// state], both 0xffffffff (no pass) at the start. counter[0] is the current pass. One invocation per vec4 of the longer
// tensor. In infinities and NaN all bits of the exponent are set. The bits are compared, because WGSL may assume that
// comparisons of floats never see infinities or NaN.
//
//: use lib/elementwise.wgsl

@group(0) @binding(0) var<storage, read> prediction: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> state: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> counter: array<u32>;
@group(0) @binding(3) var<storage, read_write> first: array<atomic<u32>, 2>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  invocations: u32,
  prediction_vectors: u32,
  state_vectors: u32,
}

const EXPONENT: vec4<u32> = vec4<u32>(0x7f800000u);

fn is_finite(bits: vec4<u32>) -> bool {
  return all((bits & EXPONENT) != EXPONENT);
}

fn run(index: u32) {
  if (index < params.prediction_vectors && !is_finite(prediction[index])) {
    atomicMin(&first[0], counter[0]);
  }
  if (index < params.state_vectors && !is_finite(state[index])) {
    atomicMin(&first[1], counter[0]);
  }
}
