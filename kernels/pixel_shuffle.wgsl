// Depth to space by 2, followed by an activation, and its inverse.
//
// coarse: [batch, height, width, 4 · channels], with the channels of one pixel in the order c · 4 + i · 2 + j; fine:
// [batch, 2 · height, 2 · width, channels], pixel (2 h + i, 2 w + j). This is torch's PixelShuffle; the inverse is "b c
// (h s1) (w s2) -> b (c s1 s2) h w". One invocation moves four channels of one coarse pixel: it reads four vec4s,
// transposes them, and writes four vec4s.
//
//: use lib/activation.wgsl
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

override UNSHUFFLE: bool = false;
override ACTIVATION: u32 = ACTIVATION_NONE;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> y: array<Element4>;
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  // Coarse pixels in a row of the image.
  width: u32,
  // Number of fine channels, and of coarse vec4s.
  channels: u32,
  // Number of vec4s of fine channels.
  channels4: u32,
}

/// Returns the index of four channels of the fine pixel `part` = i · 2 + j.
fn fine_index(pixel: u32, column: u32, part: u32) -> u32 {
  // Rows are counted over all samples, so the row of a fine pixel is 2 · row + i.
  let line = pixel / params.width * 2u + part / 2u;
  let across = pixel % params.width * 2u + part % 2u;
  return (line * params.width * 2u + across) * params.channels4 + column;
}

fn run(index: u32) {
  let pixel = index / params.channels4;
  let column = index % params.channels4;
  let coarse_index = pixel * params.channels + column * 4u;
  let existing = min(4u, params.channels - column * 4u);

  var block = mat4x4<f32>();
  if (UNSHUFFLE) {
    for (var part = 0u; part < 4u; part++) {
      block[part] = vec4<f32>(x[fine_index(pixel, column, part)]);
    }
    block = transpose(block);
    for (var i = 0u; i < existing; i++) {
      y[coarse_index + i] = Element4(activate(ACTIVATION, block[i]));
    }
  } else {
    for (var i = 0u; i < existing; i++) {
      block[i] = vec4<f32>(x[coarse_index + i]);
    }
    block = transpose(block);
    for (var part = 0u; part < 4u; part++) {
      y[fine_index(pixel, column, part)] = Element4(activate(ACTIVATION, block[part]));
    }
  }
}
