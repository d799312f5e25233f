// Table lookup: y[b, l] = table[ids[b, l]].
//
// table: [entries, channels4]; ids: [batch, ids_stride], only the first `length` of a row are read; y: [batch, length,
// channels4]. An id beyond the table reads its last entry. A table that is larger than a binding is read in parts: each
// writes the rows of y whose ids are in it. One invocation per vec4 of y.
//
//: use lib/elementwise.wgsl

alias Element = f32;
alias Element4 = vec4<Element>;

@group(0) @binding(0) var<storage, read> table: array<Element4>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<Element4>;
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  invocations: u32,
  length: u32,
  ids_stride: u32,
  channels4: u32,
  // Of the whole table.
  entries: u32,
  // Of this part of the table.
  first_entry: u32,
  part_entries: u32,
}

fn run(index: u32) {
  let row = index / params.channels4;
  let id = ids[row / params.length * params.ids_stride + row % params.length];
  let entry = min(id, params.entries - 1u) - params.first_entry;
  // Ids before the first entry wrap around to large numbers.
  if (entry < params.part_entries) {
    y[index] = table[entry * params.channels4 + index % params.channels4];
  }
}
