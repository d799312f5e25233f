// y[b, oy, ox, o] = activation(Σ_{ky, kx, c} x[b, oy·stride + ky − padding, ox·stride + kx − padding, c] · w[ky, kx, c, o]
//                              + bias[o]) + residual[b, oy, ox, o]
//
// As conv2d.wgsl, through workgroup memory (see lib/tiled.wgsl).
//: use lib/epilogue.wgsl
//: use lib/pixels.wgsl
//: use lib/tiled.wgsl

// Type of x, w and residual.
alias Stored = f32;
alias Stored4 = vec4<Stored>;
// Type of y.
alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  epilogue: Epilogue,
  first_vector: u32,
  panel_vectors: u32,
  pixels: u32,
  height: u32,
  width: u32,
  in_vectors: u32,
  out_height: u32,
  out_width: u32,
  kernel_height: u32,
  kernel_width: u32,
  stride: u32,
  padding: u32,
  // Rows of padding above x. Other than `padding` if x is a part of an image.
  top: i32,
}

@group(0) @binding(0) var<storage, read> x: array<Stored4>;
@group(0) @binding(1) var<storage, read> w: array<Stored4>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Stored4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;
