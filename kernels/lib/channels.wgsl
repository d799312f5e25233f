// Rows of channels are padded to a multiple of 4. The padding is zero and must stay zero.

/// Returns which of the four channels from `first` on exist.
fn existing_channels(first: u32, channels: u32) -> vec4<bool> {
  return vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(channels);
}

fn zero_padding(x: vec4<f32>, first: u32, channels: u32) -> vec4<f32> {
  return select(vec4<f32>(0.0), x, existing_channels(first, channels));
}
