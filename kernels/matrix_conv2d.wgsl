// y[b, oy, ox, o] = activation(Σ_{ky, kx, c} x[b, oy·stride + ky − padding, ox·stride + kx − padding, c] · w[ky, kx, c, o]
//                              + bias[o]) + residual[b, oy, ox, o]
//
// As conv2d.wgsl, in half precision by matrix units (see lib/matrix.wgsl).
//: use lib/epilogue.wgsl
//: use lib/pixels.wgsl
//: use lib/matrix.wgsl

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

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f16>>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;
