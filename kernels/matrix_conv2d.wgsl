// y[b, oy, ox, o] = activation(Σ_{ky, kx, c} x[b, oy·stride + ky − padding, ox·stride + kx − padding, c] · w[ky, kx, c, o]
//                              + bias[o]) + residual[b, oy, ox, o]
//
// As conv2d.wgsl, in half precision by matrix units (see lib/matrix.wgsl). The window has at most 32
// taps. A step is one tap of DEPTH channels. All taps of these follow each other, so that most of x comes from the cache.
//: later matrix
//: use lib/conv2d_params.wgsl
//: use lib/matrix.wgsl

// Type of y.
alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f16>>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

// For each pixel: the unit of x under the first tap, and a bit for each tap that is inside of the image.
var<private> first_at: vec4<u32>;
var<private> inside: vec4<u32>;
// The unit of the channels, of all in a pixel.
var<private> channel: u32;
// The tap, its place in the row of the window, and its distance from the first in units.
var<private> tap: u32;
var<private> tap_x: u32;
var<private> tap_at: u32;
var<private> first_channel: u32;
var<private> w_row: u32;

fn rows() -> u32 {
  return params.pixels;
}

fn channel_units() -> u32 {
  return params.in_vectors / 2u;
}

fn taps() -> u32 {
  return params.kernel_height * params.kernel_width;
}

fn all_steps() -> u32 {
  return taps() * ((channel_units() + X_WIDTH - 1u) / X_WIDTH);
}

fn start_x(row: vec4<u32>, unit: u32, step: u32) {
  // Pixels beyond the edge are computed from the last one, and not written.
  let pixel = min(row, vec4<u32>(params.pixels - 1u));
  let plane = params.out_height * params.out_width;
  let place = pixel % plane;
  let left = vec4<i32>(place % params.out_width * params.stride) - i32(params.padding);
  let top = vec4<i32>(place / params.out_width * params.stride) - params.top;
  let image = vec4<i32>(pixel / plane * params.height);
  first_at = vec4<u32>((image + top) * i32(params.width) + left) * channel_units();

  var line = vec4<u32>(0u);
  for (var i = 0u; i < params.kernel_width; i++) {
    let at = left + i32(i);
    line |= select(vec4<u32>(0u), vec4<u32>(1u << i), (at >= vec4<i32>(0)) & (at < vec4<i32>(i32(params.width))));
  }
  inside = vec4<u32>(0u);
  for (var i = 0u; i < params.kernel_height; i++) {
    let at = top + i32(i);
    let bits = line << vec4<u32>(i * params.kernel_width);
    inside |= select(vec4<u32>(0u), bits, (at >= vec4<i32>(0)) & (at < vec4<i32>(i32(params.height))));
  }

  tap = step % taps();
  tap_x = tap % params.kernel_width;
  tap_at = (tap / params.kernel_width * params.width + tap_x) * channel_units();
  first_channel = step / taps() * DEPTH;
  channel = step / taps() * X_WIDTH + unit;
  w_row = tap * params.in_vectors * 4u + first_channel;
}

fn next_step() {
  tap++;
  tap_x++;
  tap_at += channel_units();
  w_row += params.in_vectors * 4u;
  if (tap_x == params.kernel_width) {
    tap_x = 0u;
    tap_at += (params.width - params.kernel_width) * channel_units();
  }
  if (tap == taps()) {
    tap = 0u;
    tap_at = 0u;
    channel += X_WIDTH;
    first_channel += DEPTH;
    w_row = first_channel;
  }
}

fn load_x(slot: u32) -> vec4<u32> {
  let exists = ((inside[slot] >> tap) & 1u) == 1u && channel < channel_units();
  return select(vec4<u32>(0u), x[first_at[slot] + tap_at + channel], exists);
}
