// y = x, one vec4 for each invocation: the rate of reading and writing that a benchmark compares with.
//
//: later peaks
//: use lib/elementwise.wgsl

alias Element = f32;

@group(0) @binding(0) var<storage, read> x: array<vec4<Element>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Element>>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
}

fn run(index: u32) {
  y[index] = x[index];
}
