// Params of all kernels of convolutions: the same call runs any of them.
//: use lib/epilogue.wgsl

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
