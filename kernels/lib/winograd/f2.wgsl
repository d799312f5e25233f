// Winograd's F(2×2, 3×3) (Lavin & Gray 2015): 16 products for 4 pixels of the result, where sums take 36.
//
// Each function is the transform in one direction. A is at the points 0, 1, −1 and ∞.

// Pixels of the result in a tile, in each direction.
const OUTPUTS: u32 = 2u;
// Pixels of the image that they see.
const POINTS: u32 = 4u;

/// Bᵀ d
fn transform_input(d: array<vec4<f32>, POINTS>) -> array<vec4<f32>, POINTS> {
  return array<vec4<f32>, POINTS>(d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]);
}

/// G g
fn transform_filter(g: array<vec4<f32>, 3>) -> array<vec4<f32>, POINTS> {
  return array<vec4<f32>, POINTS>(g[0], 0.5 * (g[0] + g[1] + g[2]), 0.5 * (g[0] - g[1] + g[2]), g[2]);
}

/// Aᵀ m
fn transform_result(m: array<vec4<f32>, POINTS>) -> array<vec4<f32>, OUTPUTS> {
  return array<vec4<f32>, OUTPUTS>(m[0] + m[1] + m[2], m[1] - m[2] - m[3]);
}
