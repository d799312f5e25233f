// Params of all kernels of transposed convolutions: the same call runs any of them.
//: use lib/epilogue.wgsl

struct Params {
  epilogue: Epilogue,
  first_vector: u32,
  panel_vectors: u32,
  // Of x, without the rows around a part of an image.
  pixels: u32,
  height: u32,
  width: u32,
  in_vectors: u32,
  // KERNEL / STRIDE, in both directions. Uniform data, because unrolled loops compile slowly on software adapters.
  taps: u32,
  // Workgroups in x for each of the four convolutions.
  columns: u32,
  // Rows of x above the first pixel. Other than 0 if x is a part of an image.
  first_row: u32,
}
