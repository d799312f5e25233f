// Cuts images into square patches; each becomes a row: y[b, i, j, (m · size + n) · channels + c] = x[b, i · size + m, j
// · size + n, c], like "b c (h p1) (w p2) -> b (h w) (p1 p2 c)".
//
// x: [batch, height, width, x_channels4]; y: [batch, rows, columns, y_channels4]. One invocation per vec4 of y.
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
  channels: u32,
  x_channels4: u32,
  y_channels4: u32,
  rows: u32,
  columns: u32,
  size: u32,
}

fn run(index: u32) {
  let first = index % params.y_channels4 * 4u;
  let token = index / params.y_channels4;
  let left = token % params.columns * params.size;
  let top = token / params.columns % params.rows * params.size;
  let b = token / params.columns / params.rows;
  var value = vec4<f32>(0.0);
  for (var k = 0u; k < 4u && first + k < params.size * params.size * params.channels; k++) {
    let c = (first + k) % params.channels;
    let place = (first + k) / params.channels;
    let pixel = (b * params.height + top + place / params.size) * params.width + left + place % params.size;
    value[k] = f32(x[pixel * params.x_channels4 + c / 4u][c % 4u]);
  }
  y[index] = Element4(value);
}
