// Combines two operands elementwise: y = a · scale_a + b · scale_b, or y = a · b.
//
// a, y: [batch, positions, channels4]; b: the same, or broadcast: then its stride for the batch or for positions is 0.
// One invocation per vec4. Zero padding stays zero in both cases.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

override MULTIPLY: bool = false;
override BROADCAST: bool = false;

@group(0) @binding(0) var<storage, read> a: array<Element4>;
@group(0) @binding(1) var<storage, read> b: array<Element4>;
@group(0) @binding(2) var<storage, read_write> y: array<Element4>;
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  invocations: u32,
  positions: u32,
  channels4: u32,
  b_batch_stride4: u32,
  b_position_stride4: u32,
  scale_a: f32,
  scale_b: f32,
}

fn index_of_b(index: u32) -> u32 {
  if (!BROADCAST) {
    return index;
  }
  let row = index / params.channels4;
  let sample = row / params.positions;
  let position = row % params.positions;
  return sample * params.b_batch_stride4 + position * params.b_position_stride4 + index % params.channels4;
}

fn run(index: u32) {
  let left = vec4<f32>(a[index]);
  let right = vec4<f32>(b[index_of_b(index)]);
  if (MULTIPLY) {
    y[index] = Element4(left * right);
  } else {
    y[index] = Element4(left * params.scale_a + right * params.scale_b);
  }
}
