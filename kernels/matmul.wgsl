// Y[m, n] = activation(Σ_k X[m, k] · W[k, n] + bias[n]) + residual[m, n]
//
// Layouts: X, Y and residual are row major, W is `[k, n]`, and all rows are whole vec4s. The padding is zero, so it
// adds 0 and stays zero. Sums in f32. Each invocation keeps a tile of TILE_ROWS rows × TILE_VECTORS vec4s of columns in
// registers. It reads X and W directly from storage: workgroup memory is slow on software adapters. The parts of tiles
// beyond the edge read the last row or column again and are not written.
//: use lib/matmul_params.wgsl
//: use lib/weights/f32.wgsl or lib/weights/f16.wgsl or lib/weights/int8.wgsl
//: use lib/product.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> x: array<Element4>;
@group(0) @binding(1) var<storage, read> w: array<StoredWeights>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<Element4>;
@group(0) @binding(4) var<storage, read_write> y: array<Element4>;
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(GROUP_COLUMNS, GROUP_ROWS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
  let column = tile_column(group.x, local);
  let row = tile_row(group, local);
  let stride = params.panel_vectors;
  if (row >= params.rows || column >= stride) {
    return;
  }

  var x_at: array<u32, TILE_ROWS>;
  for (var i = 0u; i < TILE_ROWS; i++) {
    x_at[i] = min(row + i, params.rows - 1u) * params.inner_vectors;
  }
  var w_at: array<u32, TILE_VECTORS>;
  for (var j = 0u; j < TILE_VECTORS; j++) {
    w_at[j] = min(column + j, stride - 1u);
  }

  var sum: array<vec4<f32>, TILE_ROWS * TILE_VECTORS>;
  for (var k = 0u; k < params.inner_vectors; k++) {
    var a: array<vec4<f32>, TILE_ROWS>;
    for (var i = 0u; i < TILE_ROWS; i++) {
      a[i] = vec4<f32>(x[x_at[i] + k]);
    }
    for (var j = 0u; j < TILE_VECTORS; j++) {
      let at = k * 4u * stride + w_at[j];
      let w0 = from_stored(w[at]);
      let w1 = from_stored(w[at + stride]);
      let w2 = from_stored(w[at + 2u * stride]);
      let w3 = from_stored(w[at + 3u * stride]);
      for (var i = 0u; i < TILE_ROWS; i++) {
        sum[i * TILE_VECTORS + j] += a[i].x * w0 + a[i].y * w1 + a[i].z * w2 + a[i].w * w3;
      }
    }
  }

  for (var j = 0u; j < TILE_VECTORS; j++) {
    if (column + j >= stride) {
      break;
    }
    let scales = column_scales(params.inner_vectors * 4u * stride, column + j);
    for (var i = 0u; i < TILE_ROWS; i++) {
      if (row + i >= params.rows) {
        break;
      }
      finish(sum[i * TILE_VECTORS + j] * scales, row + i, column + j);
    }
  }
}
