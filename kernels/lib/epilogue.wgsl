// What is applied to a product before it is stored: y[row, column] = activation(product + bias[column]) + residual[row,
// column].
//
// A dispatch computes all columns, or those of one panel of a weight that is larger than a binding: `panel_vectors` vec4s
// from `first_vector` on. A kernel that uses it needs `epilogue: Epilogue` as the first field of its Params, `first_vector:
// u32`, and the bindings
//   bias: array<vec4<f32>>, residual: array<Element4>, y: array<Element4>.
//: use lib/activation.wgsl

// Uniform data, not variants: compiling a variant takes seconds on software adapters.
struct Epilogue {
  // vec4s in a row of y and of the residual.
  column_vectors: u32,
  activation: u32,
  has_bias: u32,
  has_residual: u32,
}

/// Writes one vec4 of the result; `panel_column` counts from the first column of the panel.
fn finish(product: vec4<f32>, row: u32, panel_column: u32) {
  let column = params.first_vector + panel_column;
  let at = row * params.epilogue.column_vectors + column;
  var value = product;
  if (params.epilogue.has_bias != 0u) {
    value += bias[column];
  }
  value = activate(params.epilogue.activation, value);
  if (params.epilogue.has_residual != 0u) {
    value += vec4<f32>(residual[at]);
  }
  y[at] = Element4(value);
}
