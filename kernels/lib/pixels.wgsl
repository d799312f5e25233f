// Where an invocation finds its units of x, the image of a convolution: for up to four pixels of the result, the same tap and
// channels. The kernel declares params with the fields of a convolution, and UNIT_VECTORS, the vec4s of channels in a unit.

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
  return params.in_vectors / UNIT_VECTORS;
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
