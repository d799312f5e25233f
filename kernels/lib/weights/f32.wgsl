// Weights that are stored as f32. A kernel for products declares
//   w: array<StoredWeights>
// and names the other formats in this folder, too. It multiplies its sums by `column_scales` before `finish`. A variant chooses
// the format of the tensor, whatever the activations are.

alias StoredWeights = vec4<f32>;

fn from_stored(stored: StoredWeights) -> vec4<f32> {
  return stored;
}

/// What the sums of a vec4 of columns are multiplied by. `weights`: the number of stored weights in the panel.
fn column_scales(weights: u32, panel_column: u32) -> vec4<f32> {
  return vec4<f32>(1.0);
}

fn to_stored(weights: vec4<f32>) -> StoredWeights {
  return weights;
}
