// Classifier-free guidance (Ho & Salimans 2022): y = null + (conditional - null) · scale, in f32. Channels from
// `guided` on are copied from the conditional half.
//
// x: [2 · batch, ..., channels4], the conditional half first; y: f32 [batch, ..., channels4]. One invocation per vec4
// of y.
//
//: use lib/channels.wgsl
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  channels4: u32,
  guided: u32,
  scale: f32,
}

fn run(index: u32) {
  let conditional = vec4<f32>(x[index]);
  let unconditional = vec4<f32>(x[index + params.invocations]);
  let guided = unconditional + (conditional - unconditional) * params.scale;
  let first = index % params.channels4 * 4u;
  y[index] = select(conditional, guided, existing_channels(first, params.guided));
}
