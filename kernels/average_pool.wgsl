// Means over windows that do not overlap: y[b, i, j] = mean of x[b, i · window_height + m, j · window_width + n].
//
// x: [batch, height, width, channels4]; rows and columns beyond the last whole window are ignored. y: [batch,
// out_height, out_width, channels4]. One invocation per vec4 of y. Sums in f32.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  height: u32,
  width: u32,
  out_height: u32,
  out_width: u32,
  channels4: u32,
  window_height: u32,
  window_width: u32,
}

fn run(index: u32) {
  let column = index % params.channels4;
  let pixel = index / params.channels4;
  let j = pixel % params.out_width;
  let i = pixel / params.out_width % params.out_height;
  let b = pixel / params.out_width / params.out_height;
  var sum = vec4<f32>(0.0);
  for (var m = 0u; m < params.window_height; m++) {
    let row = (b * params.height + i * params.window_height + m) * params.width + j * params.window_width;
    for (var n = 0u; n < params.window_width; n++) {
      sum += vec4<f32>(x[(row + n) * params.channels4 + column]);
    }
  }
  y[index] = Element4(sum / f32(params.window_height * params.window_width));
}
