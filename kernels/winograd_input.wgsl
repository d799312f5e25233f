// v[p·POINTS + q, tile, c] = (Bᵀ d B)[p, q], with the POINTS × POINTS pixels d that a tile of the result sees
//
// The first of three kernels of a 3×3 convolution with stride 1 and padding 1 (see lib/winograd). x is NHWC; the tiles of an
// image are in rows from top left. v has `product_rows` rows for each point, of which those after the last tile are not
// written. One invocation per tile and vec4 of channels.
//: use lib/elementwise.wgsl
//: use lib/winograd/f2.wgsl or lib/winograd/f4.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  invocations: u32,
  // Of x.
  height: u32,
  width: u32,
  vectors: u32,
  // In each direction.
  tile_rows: u32,
  tile_columns: u32,
  product_rows: u32,
  // Row of x that is at the top of the first tile, above which there is padding: −1, or more if x is a part of an image.
  top: i32,
  // POINTS. Uniform data, because unrolled loops compile slowly on software adapters.
  points: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

fn run(index: u32) {
  let tile = index / params.vectors;
  let vector = index % params.vectors;
  let tiles = params.tile_rows * params.tile_columns;
  let image = tile / tiles * params.height * params.width;
  let top = i32(tile % tiles / params.tile_columns * OUTPUTS) + params.top;
  let left = i32(tile % params.tile_columns * OUTPUTS) - 1;
  var rows: array<array<vec4<f32>, POINTS>, POINTS>;
  for (var p = 0u; p < params.points; p++) {
    let y = top + i32(p);
    var d: array<vec4<f32>, POINTS>;
    for (var q = 0u; q < POINTS; q++) {
      let column = left + i32(q);
      let inside = y >= 0 && y < i32(params.height) && column >= 0 && column < i32(params.width);
      let at = select(0u, (image + u32(y) * params.width + u32(column)) * params.vectors + vector, inside);
      d[q] = vec4<f32>(x[at]) * select(0.0, 1.0, inside);
    }
    rows[p] = transform_input(d);
  }
  for (var q = 0u; q < params.points; q++) {
    var d: array<vec4<f32>, POINTS>;
    for (var p = 0u; p < POINTS; p++) {
      d[p] = rows[p][q];
    }
    let column = transform_input(d);
    for (var p = 0u; p < POINTS; p++) {
      v[((p * POINTS + q) * params.product_rows + tile) * params.vectors + vector] = column[p];
    }
  }
}
