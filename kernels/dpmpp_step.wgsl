// One step of DPM-Solver++ 2M (Lu et al. 2022, algorithm 2): y = x · scale_x + x0 · scale_x0 + last · scale_last.
//
// x, x0, last, y: f32. last is the predicted x0 of the previous step. numbers: [scale_x, scale_x0, scale_last] of each
// pass. counter[0] is the current pass. One invocation per vec4.
//
//: use lib/elementwise.wgsl

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> x0: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> last: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> numbers: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> counter: array<u32>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(6) var<uniform> params: Params;

struct Params {
  invocations: u32,
}

fn run(index: u32) {
  let scales = numbers[counter[0]];
  y[index] = x[index] * scales.x + x0[index] * scales.y + last[index] * scales.z;
}
