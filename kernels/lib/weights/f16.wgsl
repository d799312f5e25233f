// Weights that are stored as f16, two in each u32 (see f32.wgsl). So they need no extension, and software adapters load them
// faster than a vec4<f16>, whose components they load one by one.

alias StoredWeights = vec2<u32>;

fn from_stored(stored: StoredWeights) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(stored.x), unpack2x16float(stored.y));
}

fn column_scales(weights: u32, panel_column: u32) -> vec4<f32> {
  return vec4<f32>(1.0);
}

/// The weights must be exact in f16: how others are rounded depends on the adapter.
fn to_stored(weights: vec4<f32>) -> StoredWeights {
  return vec2<u32>(pack2x16float(weights.xy), pack2x16float(weights.zw));
}
