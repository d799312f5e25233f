// Where an invocation finds its units of x, the left side of a product: up to four rows, at the same place of the inner axis.
// The kernel declares params, with the fields `rows` and `inner_vectors`, and UNIT_VECTORS, the vec4s of channels in a unit.

// The units of the current step, and which of the inner axis they are.
var<private> x_at: vec4<u32>;
var<private> inner_unit: u32;

fn rows() -> u32 {
  return params.rows;
}

/// Units of the inner axis.
fn inner_units() -> u32 {
  return params.inner_vectors / UNIT_VECTORS;
}

/// Goes to a unit of the inner axis in four rows. Those beyond the edge are computed from the last one, and not written.
fn start_x(row: vec4<u32>, unit: u32) {
  x_at = min(row, vec4<u32>(params.rows - 1u)) * inner_units() + unit;
  inner_unit = unit;
}

/// Returns whether the current unit of a row exists: beyond the inner axis, x is zero.
fn x_exists(row: u32) -> bool {
  return inner_unit < inner_units();
}

fn advance_x(units: u32) {
  x_at += units;
  inner_unit += units;
}
