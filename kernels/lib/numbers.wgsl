// Numbers that WGSL has no name for. It promises no infinities, so masked scores take the lowest finite value.

const LOWEST: f32 = -3.4028234e38;

fn max_of(x: vec4<f32>) -> f32 {
  return max(max(x.x, x.y), max(x.z, x.w));
}

fn sum_of(x: vec4<f32>) -> f32 {
  return dot(x, vec4<f32>(1.0));
}
