import type { KernelSource } from "../../src/gpu/kernel-source.js";
import { loadKernels } from "../../src/gpu/later-kernels.js";
import { kernels } from "../../src/gpu/kernel-sources.js";

/** A pointer to units, which have eight halves each. */
const unitsOf = (count: string): string => `ptr<workgroup, array<vec4<u32>, ${count}>>`;

/** Pointer to a block of scores or results. */
const SUMS = "ptr<workgroup, array<vec4<f32>, SIZE_M * SUM_STRIDE>>";

/**
 * Invocations of a subgroup share matrices: each has as many numbers, which follow each other. What a subgroup writes to workgroup
 * memory its invocations read at once, because those of Mesa's software driver keep in step.
 */
const FUNCTIONS = `
var<private> my_subgroup: u32;
var<private> my_lane: u32;
var<workgroup> lefts: array<array<f32, SIZE_M * SIZE_K>, SUBGROUPS>;

fn half_at(unit: vec4<u32>, at: u32) -> f32 {
  return unpack2x16float(unit[at % 8u / 2u])[at % 2u];
}

fn load_left(place: ${unitsOf("SIZE_M * UNITS")}, begin: u32, stride: u32) -> Left {
  var result: Left;
  for (var i = 0u; i < OWN_LEFT; i++) {
    let at = my_lane * OWN_LEFT + i;
    let half = (begin + at / SIZE_K * stride) * 8u + at % SIZE_K;
    result[i] = half_at((*place)[half / 8u], half);
  }
  return result;
}

fn multiply_col_major(left: Left, place: ${unitsOf("SIZE_N * STRIDE")}, begin: u32, sums: Sum) -> Sum {
  var result = sums;
  put_left(left);
  for (var i = 0u; i < OWN_SUM; i++) {
    let at = my_lane * OWN_SUM + i;
    for (var j = 0u; j < SIZE_K; j++) {
      let half = (begin + at % SIZE_N * STRIDE) * 8u + j;
      result[i] += lefts[my_subgroup][at / SIZE_N * SIZE_K + j] * half_at((*place)[half / 8u], half);
    }
  }
  return result;
}

fn multiply_row_major(left: Left, place: ${unitsOf("SIZE_K * STRIDE")}, begin: u32, sums: Sum) -> Sum {
  var result = sums;
  put_left(left);
  for (var i = 0u; i < OWN_SUM; i++) {
    let at = my_lane * OWN_SUM + i;
    for (var j = 0u; j < SIZE_K; j++) {
      let half = (begin + j * STRIDE) * 8u + at % SIZE_N;
      result[i] += lefts[my_subgroup][at / SIZE_N * SIZE_K + j] * half_at((*place)[half / 8u], half);
    }
  }
  return result;
}

fn put_left(left: Left) {
  for (var i = 0u; i < OWN_LEFT; i++) {
    lefts[my_subgroup][my_lane * OWN_LEFT + i] = left[i];
  }
}

fn load_sum(place: ${SUMS}, begin: u32, stride: u32) -> Sum {
  var result: Sum;
  for (var i = 0u; i < OWN_SUM; i++) {
    let at = my_lane * OWN_SUM + i;
    let number = (begin + at / SIZE_N * stride) * 4u + at % SIZE_N;
    result[i] = (*place)[number / 4u][number % 4u];
  }
  return result;
}

fn store_sum(place: ${SUMS}, begin: u32, value: Sum, stride: u32) {
  for (var i = 0u; i < OWN_SUM; i++) {
    let at = my_lane * OWN_SUM + i;
    let number = (begin + at / SIZE_N * stride) * 4u + at % SIZE_N;
    (*place)[number / 4u][number % 4u] = value[i];
  }
}
`;

function withoutMatrixUnits(code: string): string {
  return (
    code
      .replace(/alias Left = .*/, "const OWN_LEFT: u32 = SIZE_M * SIZE_K / LANES; alias Left = array<f32, OWN_LEFT>;")
      .replace(/alias Right = .*/, "")
      .replace(/alias Sum = .*/, "const OWN_SUM: u32 = SIZE_M * SIZE_N / LANES; alias Sum = array<f32, OWN_SUM>;")
      .replace(
        /subgroupMatrixMultiplyAccumulate\((\w+), subgroupMatrixLoad<Right, (\w+)>\((\w+), (\w+), STRIDE\), (\w+)\)/g,
        "multiply_$2($1, $3, $4, $5)",
      )
      .replaceAll("subgroupMatrixLoad<Left, row_major>(", "load_left(")
      .replaceAll("subgroupMatrixLoad<Sum, row_major>(", "load_sum(")
      .replaceAll("subgroupMatrixStore<row_major>(", "store_sum(")
      .replace(/(fn main\([^{]*\{)/, "$1 my_subgroup = subgroup; my_lane = subgroup_lane;") + FUNCTIONS
  );
}

let isEmulated = false;

/**
 * Makes attention by matrix units run without them on Mesa's software driver, in this process, with matrices of any size: invocations
 * compute the products by themselves.
 */
export async function emulateMatrixUnits(): Promise<void> {
  if (isEmulated) return;
  isEmulated = true;
  await loadKernels("matrix");
  const kernel: KernelSource = kernels.matrixAttention;
  const extensions = kernel.extensions.filter((name) => !name.includes("matrix"));
  Object.assign(kernel, { code: withoutMatrixUnits(kernel.code), extensions });
}
