// Weight standardisation (Qiao et al. 2019): y = (w - mean) / sqrt(variance + eps) for each output channel.
//
// w, y: [taps, padded_inputs, out_vectors], a packed convolution weight. Mean and variance are over taps and inputs,
// without the padding. One invocation per four output channels. Runs once, when weights are loaded.
//
//: use lib/channels.wgsl
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  invocations: u32,
  taps: u32,
  inputs: u32,
  padded_inputs: u32,
  outputs: u32,
  out_vectors: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> w: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

fn run(column: u32) {
  let size = f32(params.taps * params.inputs);
  var sum = vec4<f32>(0.0);
  for (var tap = 0u; tap < params.taps; tap++) {
    for (var i = 0u; i < params.inputs; i++) {
      sum += vec4<f32>(w[address(tap, i, column)]);
    }
  }
  let mean = sum / size;

  var squares = vec4<f32>(0.0);
  for (var tap = 0u; tap < params.taps; tap++) {
    for (var i = 0u; i < params.inputs; i++) {
      let centred = vec4<f32>(w[address(tap, i, column)]) - mean;
      squares += centred * centred;
    }
  }
  let deviation = inverseSqrt(squares / size + params.eps);

  for (var tap = 0u; tap < params.taps; tap++) {
    for (var i = 0u; i < params.padded_inputs; i++) {
      let at = address(tap, i, column);
      var value = vec4<f32>(0.0);
      if (i < params.inputs) {
        value = zero_padding((vec4<f32>(w[at]) - mean) * deviation, column * 4u, params.outputs);
      }
      y[at] = Element4(value);
    }
  }
}

fn address(tap: u32, channel: u32, column: u32) -> u32 {
  return (tap * params.padded_inputs + channel) * params.out_vectors + column;
}
