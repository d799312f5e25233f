// The matrix units of a GPU: a subgroup multiplies SIZE_M × SIZE_K halves by SIZE_K × SIZE_N, with sums in f32.
//: enable f16
//: enable subgroups
//: enable chromium_experimental_subgroup_matrix

const LANES: u32 = 32u; //: const
const SIZE_M: u32 = 16u; //: const
const SIZE_N: u32 = 16u; //: const
const SIZE_K: u32 = 16u; //: const

alias Left = subgroup_matrix_left<f16, SIZE_K, SIZE_M>;
alias Right = subgroup_matrix_right<f16, SIZE_N, SIZE_K>;
alias Sum = subgroup_matrix_result<f32, SIZE_N, SIZE_M>;
