// Winograd's F(4×4, 3×3) (Lavin & Gray 2015): 36 products for 16 pixels of the result, where sums take 144.
//
// Each function is the transform in one direction. A is at the points 0, ±√½, ±√2 and ∞: with the usual 0, ±1, ±2 and ∞,
// whose powers are further apart, results have several times the rounding error.

// Pixels of the result in a tile, in each direction.
const OUTPUTS: u32 = 4u;
// Pixels of the image that they see.
const POINTS: u32 = 6u;

// √½ and √2.
const NEAR: f32 = 0.70710678118654752;
const FAR: f32 = 1.41421356237309505;

/// Bᵀ d
fn transform_input(d: array<vec4<f32>, POINTS>) -> array<vec4<f32>, POINTS> {
  let near_even = d[4] - 2.0 * d[2];
  let near_odd = NEAR * d[3] - FAR * d[1];
  let far_even = d[4] - 0.5 * d[2];
  let far_odd = FAR * d[3] - NEAR * d[1];
  return array<vec4<f32>, POINTS>(
    d[0] - 2.5 * d[2] + d[4],
    near_even + near_odd,
    near_even - near_odd,
    far_even + far_odd,
    far_even - far_odd,
    d[1] - 2.5 * d[3] + d[5]);
}

/// G g
fn transform_filter(g: array<vec4<f32>, 3>) -> array<vec4<f32>, POINTS> {
  let near_even = (-2.0 / 3.0) * (g[0] + 0.5 * g[2]);
  let near_odd = (-2.0 / 3.0 * NEAR) * g[1];
  let far_even = (1.0 / 6.0) * (g[0] + 2.0 * g[2]);
  let far_odd = (1.0 / 6.0 * FAR) * g[1];
  return array<vec4<f32>, POINTS>(
    g[0], near_even + near_odd, near_even - near_odd, far_even + far_odd, far_even - far_odd, g[2]);
}

/// Aᵀ m
fn transform_result(m: array<vec4<f32>, POINTS>) -> array<vec4<f32>, OUTPUTS> {
  let near_sum = m[1] + m[2];
  let near_difference = m[1] - m[2];
  let far_sum = m[3] + m[4];
  let far_difference = m[3] - m[4];
  return array<vec4<f32>, OUTPUTS>(
    m[0] + near_sum + far_sum,
    NEAR * near_difference + FAR * far_difference,
    0.5 * near_sum + 2.0 * far_sum,
    0.5 * NEAR * near_difference + 2.0 * FAR * far_difference + m[5]);
}
