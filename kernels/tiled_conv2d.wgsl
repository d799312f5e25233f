// y[b, oy, ox, o] = activation(Σ_{ky, kx, c} x[b, oy·stride + ky − padding, ox·stride + kx − padding, c] · w[ky, kx, c, o]
//                              + bias[o]) + residual[b, oy, ox, o]
//
// As conv2d.wgsl, through workgroup memory (see lib/tiled.wgsl).
//: use lib/conv2d_params.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl or lib/weights/int8.wgsl
//: use lib/tiled.wgsl

// Type of x and residual.
alias Stored = f32;
alias Stored4 = vec4<Stored>;
// Type of y.
alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Stored4>;
@group(0) @binding(1) var<storage, read> w: array<StoredWeights>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Stored4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

// Top left corner of the window of each pixel, and the first row of its image.
var<private> corner_x: vec4<i32>;
var<private> corner_y: vec4<i32>;
var<private> image: vec4<i32>;
// The current tap and the unit of its channels.
var<private> tap_x: i32;
var<private> tap_y: i32;
var<private> channel: u32;
// The units under the tap, and whether they are inside of the image.
var<private> x_at: vec4<u32>;
var<private> inside: vec4<bool>;

fn rows() -> u32 {
  return params.pixels;
}

fn channel_units() -> u32 {
  return params.in_vectors;
}

/// Units of the inner axis: taps and their channels.
fn inner_units() -> u32 {
  return params.kernel_height * params.kernel_width * channel_units();
}

/// Goes to a unit of the inner axis for four pixels. Those beyond the edge are computed from the last one, and not written.
fn start_x(row: vec4<u32>, unit: u32) {
  let pixel = min(row, vec4<u32>(params.pixels - 1u));
  let plane = params.out_height * params.out_width;
  let place = pixel % plane;
  corner_x = vec4<i32>(place % params.out_width * params.stride) - i32(params.padding);
  corner_y = vec4<i32>(place / params.out_width * params.stride) - params.top;
  image = vec4<i32>(pixel / plane * params.height);
  let tap = unit / channel_units();
  channel = unit % channel_units();
  tap_x = i32(tap % params.kernel_width);
  tap_y = i32(tap / params.kernel_width);
  find_tap();
}

fn find_tap() {
  let at_x = corner_x + tap_x;
  let at_y = corner_y + tap_y;
  inside = (at_x >= vec4<i32>(0)) & (at_x < vec4<i32>(i32(params.width)))
    & (at_y >= vec4<i32>(0)) & (at_y < vec4<i32>(i32(params.height)))
    & vec4<bool>(tap_y < i32(params.kernel_height));
  x_at = vec4<u32>((image + at_y) * i32(params.width) + at_x) * channel_units() + channel;
}

/// Returns whether the current unit of a pixel exists: outside of the image and beyond the last tap, x is zero.
fn x_exists(row: u32) -> bool {
  return inside[row];
}

fn advance_x(units: u32) {
  channel += units;
  x_at += units;
  if (channel < channel_units()) {
    return;
  }
  while (channel >= channel_units()) {
    channel -= channel_units();
    tap_x++;
    if (tap_x == i32(params.kernel_width)) {
      tap_x = 0;
      tap_y++;
    }
  }
  find_tap();
}
