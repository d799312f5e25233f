// Params of all kernels of Y = X · W: the same call runs any of them.
//: use lib/epilogue.wgsl

struct Params {
  epilogue: Epilogue,
  first_vector: u32,
  panel_vectors: u32,
  rows: u32,
  inner_vectors: u32,
}
