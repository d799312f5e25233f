// Resamples one axis with a table of taps: y[o, i] = Σ_t weights[i, t] · x[o, positions[i, t]].
//
// x: [outer, source_length, inner4]; y: [outer, length, inner4]; weights: f32 [length, taps_stride], positions: u32 of
// the same shape; only the first `taps` of a row are read. A tap outside of x has weight zero. One invocation per vec4
// of y. Sums in f32.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<Element4>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  invocations: u32,
  source_length: u32,
  length: u32,
  inner4: u32,
  taps: u32,
  taps_stride: u32,
  // First row of x. Other than 0 if x is a part of an axis.
  first_source: u32,
}

fn run(index: u32) {
  let inner = index % params.inner4;
  let i = index / params.inner4 % params.length;
  let outer = index / params.inner4 / params.length;
  var sum = vec4<f32>(0.0);
  for (var t = 0u; t < params.taps; t++) {
    let tap = i * params.taps_stride + t;
    let source = (outer * params.source_length + positions[tap] - params.first_source) * params.inner4 + inner;
    sum += weights[tap] * vec4<f32>(x[source]);
  }
  y[index] = Element4(sum);
}
