// Linear attention, second of three kernels: joins the chunks into one context matrix for each head, context = factor ·
// Σ_n softmax(k)_n v_nᵀ, with the softmax of each channel of k over all positions.
//
// peaks, sums: [batch, chunks, inner]; contexts: [batch, chunks, inner, dim_head4] vec4s; context: [batch, inner,
// dim_head4] vec4s; all f32. inner is the number of channels of all heads. One invocation per vec4 of the result.
//
//: use lib/elementwise.wgsl
//: use lib/numbers.wgsl

struct Params {
  invocations: u32,
  inner: u32,
  dim_head4: u32,
  chunks: u32,
  factor: f32,
}

@group(0) @binding(0) var<storage, read> peaks: array<f32>;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> contexts: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> context: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

fn run(index: u32) {
  let column = index % params.dim_head4;
  let channel = (index / params.dim_head4) % params.inner;
  let sample = index / (params.dim_head4 * params.inner);
  let first = sample * params.chunks * params.inner + channel;

  var peak = LOWEST;
  for (var chunk = 0u; chunk < params.chunks; chunk++) {
    peak = max(peak, peaks[first + chunk * params.inner]);
  }
  var sum = 0.0;
  var result = vec4<f32>(0.0);
  for (var chunk = 0u; chunk < params.chunks; chunk++) {
    let row = first + chunk * params.inner;
    let weight = exp(peaks[row] - peak);
    sum += weight * sums[row];
    result += weight * contexts[row * params.dim_head4 + column];
  }
  context[index] = result * (params.factor / sum);
}
