// y = activation(Σ_s partials[s] + bias) + residual: ends a product whose inner axis was divided among workgroups.
//
// partials: [splits, rows, panel_vectors], f32; y, residual: [rows, column_vectors]. One invocation per vec4 of a panel.
//: use lib/epilogue.wgsl
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

struct Params {
  epilogue: Epilogue,
  first_vector: u32,
  panel_vectors: u32,
  invocations: u32,
  splits: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual: array<Element4>;
@group(0) @binding(3) var<storage, read_write> y: array<Element4>;
@group(0) @binding(4) var<uniform> params: Params;

fn run(index: u32) {
  var sum = partials[index];
  for (var split = 1u; split < params.splits; split++) {
    sum += partials[split * params.invocations + index];
  }
  finish(sum, index / params.panel_vectors, index % params.panel_vectors);
}
