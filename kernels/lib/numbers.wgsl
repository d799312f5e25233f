// Constants that WGSL lacks. It does not guarantee infinities, so masked scores use the lowest finite value.

const LOWEST: f32 = -3.4028234e38;

/// Vectors shorter than this are divided by it when they are normalised to length 1.
const MIN_LENGTH: f32 = 1e-12;

/// Like clamp, but NaN stays NaN. WGSL's clamp may return a bound, which would hide that a computation failed.
fn clamp_numbers(x: vec4<f32>, low: f32, high: f32) -> vec4<f32> {
  let below = select(x, vec4<f32>(low), x < vec4<f32>(low));
  return select(below, vec4<f32>(high), x > vec4<f32>(high));
}

fn max_of(x: vec4<f32>) -> f32 {
  return max(max(x.x, x.y), max(x.z, x.w));
}

fn sum_of(x: vec4<f32>) -> f32 {
  return dot(x, vec4<f32>(1.0));
}
