import { expect, it } from "vitest";
import { progressLine } from "../../../src/cli/generating/progress-line.js";

const content = {
  share: 0.5,
  numbers: ["1:23 left"],
  texts: ["U-Net 1, batch 1 of 2, step 3 of 24", "U-Net 1, step 3 of 24", "step 3 of 24"],
};
const at = (width: number): string => progressLine(content, width);

it("has a bar, numbers and a text if there is room", () => {
  expect(at(100)).toBe(`${"█".repeat(12)}${"░".repeat(12)}  50 %  1:23 left  U-Net 1, batch 1 of 2, step 3 of 24`);
});

it("shrinks the bar first, then the text, then the numbers", () => {
  expect(at(70)).toBe(`${"█".repeat(8)}${"░".repeat(8)}  50 %  1:23 left  U-Net 1, batch 1 of 2, step 3 of 24`);
  expect(at(55)).toBe("50 %  1:23 left  U-Net 1, batch 1 of 2, step 3 of 24");
  expect(at(40)).toBe("50 %  1:23 left  U-Net 1, step 3 of 24");
  expect(at(31)).toBe("50 %  1:23 left  step 3 of 24");
  expect(at(16)).toBe("50 %  1:23 left");
  expect(at(4)).toBe("50 %");
});

it("is never longer than the line", () => {
  for (let width = 1; width < 90; width++) expect(at(width).length).toBeLessThanOrEqual(width);
});
