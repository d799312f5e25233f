// Nearest-neighbour resize like torch's interpolate(mode="nearest"): source index = floor(index · scale) in f32.
//
// x: [batch, source_height, source_width, channels4]; y: [batch, height, width, channels4]. scale = source size /
// target size, rounded to f32. One invocation per vec4 of y.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  source_height: u32,
  source_width: u32,
  height: u32,
  width: u32,
  channels4: u32,
  scale_y: f32,
  scale_x: f32,
  // First rows of y and x, counted in the whole image. Other than 0 for a part of an image.
  first_row: u32,
  first_source_row: u32,
}

fn source_of(target_index: u32, scale: f32, size: u32) -> u32 {
  return min(u32(floor(f32(target_index) * scale)), size - 1u);
}

fn run(index: u32) {
  let pixel = index / params.channels4;
  let line = pixel / params.width;
  let sample = line / params.height;
  let whole_y = source_of(params.first_row + line % params.height, params.scale_y, params.source_height);
  let source_y = whole_y - params.first_source_row;
  let source_x = source_of(pixel % params.width, params.scale_x, params.source_width);
  let source_line = sample * params.source_height + source_y;
  y[index] = x[(source_line * params.source_width + source_x) * params.channels4 + index % params.channels4];
}
