// Finds tokens that are not zero: y[b, l] = 1 if any channel of x[b, l] is not zero, otherwise 0.
//
// x: [batch, length, channels4]; y: u32 [batch, stride]; stride is length rounded up to whole vec4s, and the padding is
// zero. One invocation per element of y.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  length: u32,
  stride: u32,
  channels4: u32,
}

fn any_non_zero(row: u32) -> bool {
  for (var column = 0u; column < params.channels4; column++) {
    if (any(vec4<f32>(x[row * params.channels4 + column]) != vec4<f32>(0.0))) {
      return true;
    }
  }
  return false;
}

fn run(index: u32) {
  let sample = index / params.stride;
  let position = index % params.stride;
  y[index] = u32(position < params.length && any_non_zero(sample * params.length + position));
}
