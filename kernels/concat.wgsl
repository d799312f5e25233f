// Joins rows of two tensors: y[r] = [a[r] · scale_a, b[r] · scale_b]. The channels of a are whole vec4s.
// The padding of b, which is zero, becomes that of y.
//
// a: [rows, a_channels4]; b: [rows, channels4 - a_channels4]; y: [rows, channels4]. One invocation per vec4 of y.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  invocations: u32,
  channels4: u32,
  a_channels4: u32,
  scale_a: f32,
  scale_b: f32,
}

@group(0) @binding(0) var<storage, read> a: array<Element4>;
@group(0) @binding(1) var<storage, read> b: array<Element4>;
@group(0) @binding(2) var<storage, read_write> y: array<Element4>;
@group(0) @binding(3) var<uniform> params: Params;

fn run(index: u32) {
  let row = index / params.channels4;
  let column = index % params.channels4;
  if (column < params.a_channels4) {
    y[index] = Element4(vec4<f32>(a[row * params.a_channels4 + column]) * params.scale_a);
  } else {
    let at = row * (params.channels4 - params.a_channels4) + column - params.a_channels4;
    y[index] = Element4(vec4<f32>(b[at]) * params.scale_b);
  }
}
