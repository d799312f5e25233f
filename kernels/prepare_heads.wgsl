// Prepares queries or keys for attention: rotary position embedding, normalisation of each head to length 1, and scale,
// in this order.
//
// x: [batch · length, stride4], with heads from vec4 `offset4` on; y: [batch · length, heads, dim_head4]. cosines,
// sines: [positions, pairs], f32, in rows of pair_stride. The first 2 · pairs channels of a head are rotated in pairs:
// (x0, x1) -> (x0 cos - x1 sin, x1 cos + x0 sin) (Su et al. 2021). The others are not rotated. If the size of a head is
// not a multiple of 4, the head ends with zeros, which do not count. One invocation per (row, head). A rotation does
// not change the length.
//
//: use lib/elementwise.wgsl
//: use lib/numbers.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  invocations: u32,
  length: u32,
  stride4: u32,
  offset4: u32,
  heads: u32,
  dim_head4: u32,
  pairs: u32,
  pair_stride: u32,
  halves: u32,
  l2_norm: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> cosines: array<f32>;
@group(0) @binding(2) var<storage, read> sines: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Element4>;
@group(0) @binding(4) var<uniform> params: Params;

fn run(index: u32) {
  let row = index / params.heads;
  let start = row * params.stride4 + params.offset4 + (index % params.heads) * params.dim_head4;
  var factor = params.scale;
  if (params.l2_norm != 0u) {
    var squares = 0.0;
    for (var i = 0u; i < params.dim_head4; i++) {
      let value = vec4<f32>(x[start + i]);
      squares += dot(value, value);
    }
    factor /= max(sqrt(squares), MIN_LENGTH);
  }
  for (var i = 0u; i < params.dim_head4; i++) {
    let position = row % params.length;
    var rotated: vec4<f32>;
    if (params.halves != 0u) {
      rotated = rotate_halves(start, i, position);
    } else {
      rotated = rotate(vec4<f32>(x[start + i]), position, 2u * i);
    }
    y[index * params.dim_head4 + i] = Element4(rotated * factor);
  }
}

/// Rotates the pairs (x, y) and (z, w), which are pairs `pair` and `pair + 1`, if they are among the first `pairs`.
fn rotate(v: vec4<f32>, position: u32, pair: u32) -> vec4<f32> {
  var cosine = vec2<f32>(1.0);
  var sine = vec2<f32>(0.0);
  for (var i = 0u; i < 2u && pair + i < params.pairs; i++) {
    let at = position * params.pair_stride + pair + i;
    cosine[i] = cosines[at];
    sine[i] = sines[at];
  }
  return v * cosine.xxyy + vec4<f32>(-v.y, v.x, -v.w, v.z) * sine.xxyy;
}

/// Returns vec4 i of the head at `start`, rotated with the other half of its first 2 · pairs channels.
fn rotate_halves(start: u32, i: u32, position: u32) -> vec4<f32> {
  var value = vec4<f32>(x[start + i]);
  for (var k = 0u; k < 4u && 4u * i + k < 2u * params.pairs; k++) {
    let channel = 4u * i + k;
    let is_first = channel < params.pairs;
    let other = select(channel - params.pairs, channel + params.pairs, is_first);
    let partner = f32(x[start + other / 4u][other % 4u]);
    let at = position * params.pair_stride + channel % params.pairs;
    value[k] = value[k] * cosines[at] + select(partner, -partner, is_first) * sines[at];
  }
  return value;
}
