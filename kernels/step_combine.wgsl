// Combines two tensors with the numbers of the current pass: y = a · scale_a + b · scale_b.
//
// a, b, y: f32. numbers: [scale_a, scale_b] of each pass. counter[0] is the current pass. One invocation per vec4.
//
//: use lib/elementwise.wgsl

@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> numbers: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> counter: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  invocations: u32,
}

fn run(index: u32) {
  let scales = numbers[counter[0]];
  y[index] = a[index] * scales.x + b[index] * scales.y;
}
