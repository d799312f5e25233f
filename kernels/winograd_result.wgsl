// y = activation(Aᵀ m A + bias) + residual of every tile
//
// The last kernel of a 3×3 convolution (see winograd_input.wgsl). m is `[point, tile, o]` with `product_rows` rows for each
// point, y and the residual NHWC. One invocation per tile and vec4 of output channels.
//: use lib/epilogue.wgsl
//: use lib/elementwise.wgsl
//: use lib/winograd/f2.wgsl or lib/winograd/f4.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  epilogue: Epilogue,
  invocations: u32,
  // All columns are computed, from this one on, which is 0.
  first_vector: u32,
  // Of y.
  height: u32,
  width: u32,
  tile_rows: u32,
  tile_columns: u32,
  product_rows: u32,
  // POINTS and OUTPUTS. Uniform data, because unrolled loops compile slowly on software adapters.
  points: u32,
  outputs: u32,
}

@group(0) @binding(0) var<storage, read> m: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual: array<Element4>;
@group(0) @binding(3) var<storage, read_write> y: array<Element4>;
@group(0) @binding(4) var<uniform> params: Params;

fn run(index: u32) {
  let vectors = params.epilogue.column_vectors;
  let tile = index / vectors;
  let vector = index % vectors;
  let tiles = params.tile_rows * params.tile_columns;
  let top = tile % tiles / params.tile_columns * OUTPUTS;
  let left = tile % params.tile_columns * OUTPUTS;

  var rows: array<array<vec4<f32>, OUTPUTS>, POINTS>;
  for (var p = 0u; p < params.points; p++) {
    var points: array<vec4<f32>, POINTS>;
    for (var q = 0u; q < POINTS; q++) {
      points[q] = m[((p * POINTS + q) * params.product_rows + tile) * vectors + vector];
    }
    rows[p] = transform_result(points);
  }
  let image = tile / tiles * params.height;
  for (var column = 0u; column < params.outputs; column++) {
    var points: array<vec4<f32>, POINTS>;
    for (var p = 0u; p < POINTS; p++) {
      points[p] = rows[p][column];
    }
    var pixels = transform_result(points);
    for (var row = 0u; row < params.outputs; row++) {
      if (top + row < params.height && left + column < params.width) {
        finish(pixels[row], (image + top + row) * params.width + left + column, vector);
      }
    }
  }
}
