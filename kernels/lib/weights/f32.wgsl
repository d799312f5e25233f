// Weights that are stored as f32. A kernel for products declares
//   w: array<StoredWeights>
// and names the other formats in this folder, too. A variant chooses the format of the tensor, whatever the activations are.

alias StoredWeights = vec4<f32>;

fn from_stored(stored: StoredWeights) -> vec4<f32> {
  return stored;
}

fn to_stored(weights: vec4<f32>) -> StoredWeights {
  return weights;
}
