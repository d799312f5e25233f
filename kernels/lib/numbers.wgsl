// Numbers that WGSL has no name for. It promises no infinities, so masked scores take the lowest finite value.

const LOWEST: f32 = -3.4028234e38;

/// Vectors shorter than this are divided by it where they are to get unit length.
const MIN_LENGTH: f32 = 1e-12;

/// As clamp, but what is not a number stays so: WGSL's own may give a bound for it, and hide that a computation failed.
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
