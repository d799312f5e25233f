// Classifier-free guidance (Ho & Salimans 2022): y = null + (conditional - null) · scale, in f32.
//
// x: [2 · batch, ...], the conditional half first; y: f32 [batch, ...] of `vectors` vec4s. One invocation per vec4 of y.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  scale: f32,
}

fn run(index: u32) {
  let conditional = vec4<f32>(x[index]);
  let unconditional = vec4<f32>(x[index + params.invocations]);
  y[index] = unconditional + (conditional - unconditional) * params.scale;
}
