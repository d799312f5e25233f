// What a network of Stable unCLIP in a file is, for people.
import type { Checkpoint } from "../../weights/checkpoint.js";
import type { FamilyReport } from "../family.js";
import { networkIn } from "./claim.js";

/** Describes a network of Stable unCLIP in a file of tensors. */
export function inspect(checkpoint: Pick<Checkpoint, "tensors">): FamilyReport {
  const { component = "unknown", words = "unknown" } = networkIn(checkpoint) ?? {};
  const rows = [
    ["network", words],
    ["use", "with its config and the other components: name the folder of its whole model"],
  ];
  return { component, dialect: {}, sections: [{ title: "Stable unCLIP", rows }], warnings: [] };
}
