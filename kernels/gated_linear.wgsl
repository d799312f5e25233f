// Gated linear units (Shazeer 2020): y = x[.., first half] · activation(x[.., second half]).
//
// x: [rows, x_channels4] with 2 · channels channels; y: [rows, channels4]. One invocation per vec4 of y.
//
//: use lib/activation.wgsl
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

// `channels` is a multiple of 4, so the second half starts at a whole vec4.
override ALIGNED: bool = true;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  channels: u32,
  channels4: u32,
  x_channels4: u32,
  activation: u32,
}

/// Returns four gates from channel `first` on; gates beyond the last one are zero.
fn gates(row: u32, first: u32) -> vec4<f32> {
  let base = row * params.x_channels4;
  if (ALIGNED) {
    return vec4<f32>(x[base + (params.channels + first) / 4u]);
  }
  var gate = vec4<f32>(0.0);
  for (var i = 0u; i < 4u && first + i < params.channels; i++) {
    let at = params.channels + first + i;
    gate[i] = f32(x[base + at / 4u][at % 4u]);
  }
  return gate;
}

fn run(index: u32) {
  let row = index / params.channels4;
  let column = index % params.channels4;
  // If `channels` is not a multiple of 4, the last vec4 of the first half also contains gates. They are multiplied by
  // gates of zero, because silu and gelu of 0 are 0.
  let value = vec4<f32>(x[row * params.x_channels4 + column]);
  y[index] = Element4(value * activate(params.activation, gates(row, column * 4u)));
}
