// Dynamic thresholding (Saharia et al. 2022, Imagen): y = clamp(x, -s, s) / s with s = min(max(threshold of the sample, 1), most).
//
// x, y: f32 [batch, sample_vectors]; threshold: f32 [batch, 1], padded to one vec4. One invocation per vec4.
//
//: use lib/elementwise.wgsl
//: use lib/numbers.wgsl

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> threshold: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  invocations: u32,
  sample_vectors: u32,
  most: f32,
}

fn run(index: u32) {
  let found = threshold[index / params.sample_vectors].x;
  // Neither max nor min, which may return another number for NaN.
  let least = select(found, 1.0, found < 1.0);
  let s = select(least, params.most, least > params.most);
  y[index] = clamp_numbers(x[index], -s, s) / s;
}
