// Weights that are stored as whole numbers from -127 to 127, four in each u32, and for each column the f32 that they are
// multiplied by (see f32.wgsl). In a panel, the scales of all columns follow the weights. The whole numbers are exact in f16,
// too, and sums need the scales only once.

alias StoredWeights = u32;

/// Without the scales.
fn from_stored(stored: StoredWeights) -> vec4<f32> {
  // Shifts of signed numbers keep the sign. Not unpack4x8snorm, whose division is not exact.
  return vec4<f32>((vec4<i32>(bitcast<i32>(stored)) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}

fn column_scales(weights: u32, panel_column: u32) -> vec4<f32> {
  let at = weights + panel_column * 4u;
  return bitcast<vec4<f32>>(vec4<u32>(w[at], w[at + 1u], w[at + 2u], w[at + 3u]));
}
