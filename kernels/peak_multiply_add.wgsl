// Multiplies and adds in registers, as fast as the adapter can: what a benchmark compares products with.
//
// Each invocation has 8 independent sums of 4 lanes; each pass multiplies and adds 4 times to each of them.
//
//: later peaks
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  passes: u32,
}

/// Multiplications and additions of one pass of an invocation: 8 sums · 4 times · 4 lanes · 2.
const OPERATIONS: u32 = 256u;

fn run(index: u32) {
  let a = x[0];
  let b = x[1];
  var s0 = x[index % 4u];
  var s1 = s0 + b;
  var s2 = s1 + b;
  var s3 = s2 + b;
  var s4 = s3 + b;
  var s5 = s4 + b;
  var s6 = s5 + b;
  var s7 = s6 + b;
  for (var pass_number = 0u; pass_number < params.passes; pass_number++) {
    s0 = s0 * a + b;
    s1 = s1 * a + b;
    s2 = s2 * a + b;
    s3 = s3 * a + b;
    s4 = s4 * a + b;
    s5 = s5 * a + b;
    s6 = s6 * a + b;
    s7 = s7 * a + b;
    s0 = s0 * a + b;
    s1 = s1 * a + b;
    s2 = s2 * a + b;
    s3 = s3 * a + b;
    s4 = s4 * a + b;
    s5 = s5 * a + b;
    s6 = s6 * a + b;
    s7 = s7 * a + b;
    s0 = s0 * a + b;
    s1 = s1 * a + b;
    s2 = s2 * a + b;
    s3 = s3 * a + b;
    s4 = s4 * a + b;
    s5 = s5 * a + b;
    s6 = s6 * a + b;
    s7 = s7 * a + b;
    s0 = s0 * a + b;
    s1 = s1 * a + b;
    s2 = s2 * a + b;
    s3 = s3 * a + b;
    s4 = s4 * a + b;
    s5 = s5 * a + b;
    s6 = s6 * a + b;
    s7 = s7 * a + b;
  }
  y[index] = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
}
