// Group norm, first of three kernels: mean and centred sum of squares of each channel over chunks of positions.
//
// x: [batch, positions, channels4]; partials: [batch, chunks, 2, channels4] (means, then sums of squares), f32. One
// invocation per (batch, chunk, four channels) reads its chunk once (Welford 1962). Neighbouring invocations read
// neighbouring channels, for groups of any size.
//
//: use lib/elementwise.wgsl
//: use lib/group_norm.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  invocations: u32,
  positions: u32,
  channels4: u32,
  chunks: u32,
  chunk_size: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> partials: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

fn run(index: u32) {
  let channel4 = index % params.channels4;
  let chunk = (index / params.channels4) % params.chunks;
  let sample = index / (params.channels4 * params.chunks);
  let first = chunk * params.chunk_size;
  let size = min(params.chunk_size, params.positions - first);
  let start = (sample * params.positions + first) * params.channels4 + channel4;

  var mean = vec4<f32>(0.0);
  var squares = vec4<f32>(0.0);
  for (var i = 0u; i < size; i++) {
    let value = vec4<f32>(x[start + i * params.channels4]);
    let delta = value - mean;
    mean += delta / f32(i + 1u);
    squares += delta * (value - mean);
  }
  let row = (sample * params.chunks + chunk) * STATISTICS;
  partials[row * params.channels4 + channel4] = mean;
  partials[(row + 1u) * params.channels4 + channel4] = squares;
}
