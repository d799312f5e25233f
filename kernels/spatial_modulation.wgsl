// Modulation of each pixel by maps of a lower resolution: y = activation(x · scale + shift).
//
// x, y: [batch, height, width, channels4]; scale, shift: [batch, source_height, source_width, channels4], read at the nearest source pixel
// as in resize_nearest.wgsl. One invocation per vec4.
//
//: use lib/activation.wgsl
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

override ACTIVATION: u32 = ACTIVATION_NONE;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> scale: array<Element4>;
@group(0) @binding(2) var<storage, read> shift: array<Element4>;
@group(0) @binding(3) var<storage, read_write> y: array<Element4>;
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  invocations: u32,
  source_height: u32,
  source_width: u32,
  height: u32,
  width: u32,
  channels4: u32,
  scale_y: f32,
  scale_x: f32,
  // First rows of y and of the maps, counted in the whole image. Other than 0 for a part of an image.
  first_row: u32,
  first_source_row: u32,
}

fn source_of(target_index: u32, factor: f32, size: u32) -> u32 {
  return min(u32(floor(f32(target_index) * factor)), size - 1u);
}

fn run(index: u32) {
  let columns = params.width * params.channels4;
  let row = index / columns;
  let column = index - row * columns;
  let sample = row / params.height;
  let target_x = column / params.channels4;
  let channel4 = column - target_x * params.channels4;
  let source_y =
    source_of(params.first_row + row - sample * params.height, params.scale_y, params.source_height) - params.first_source_row;
  let source_x = source_of(target_x, params.scale_x, params.source_width);
  let source = ((sample * params.source_height + source_y) * params.source_width + source_x) * params.channels4 + channel4;
  let value = vec4<f32>(x[index]) * vec4<f32>(scale[source]) + vec4<f32>(shift[source]);
  y[index] = Element4(activate(ACTIVATION, value));
}
