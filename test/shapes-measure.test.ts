import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { openFile } from "../src/platform/node.js";
import { openCheckpoint } from "../src/weights/checkpoint.js";
import { parsePrompt, scorePicture, totalScore } from "./support/shapes-measure.js";

const folder = "test/fixtures/shapes-expected";

function painted(side: number, ground: readonly number[], color: readonly number[], [cx, cy]: readonly number[]) {
  const data = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const inside = Math.hypot(x / side - cx!, y / side - cy!) < 0.2;
      data.set(inside ? color : ground, (y * side + x) * 3);
    }
  }
  return data;
}

it("reads prompts", () => {
  expect(parsePrompt("a red cross above a green triangle")).toEqual({
    ground: undefined,
    objects: [
      { color: "red", at: [0.5, 0.26] },
      { color: "green", at: [0.5, 0.74] },
    ],
  });
  expect(parsePrompt("yellow triangle on a black background")).toEqual({
    ground: "black",
    objects: [{ color: "yellow", at: undefined }],
  });
});

it("gives full marks to a right picture, and none for what is wrong", () => {
  const prompt = "a red circle on the left on a white background";
  const picture = painted(64, [250, 250, 250], [220, 40, 40], [0.28, 0.5]);
  expect(scorePicture(prompt, 64, picture)).toEqual({ earned: 3, possible: 3 });
  expect(scorePicture(prompt.replace("left", "right"), 64, picture).earned).toBe(1);
  expect(scorePicture(prompt.replace("red", "blue"), 64, picture).earned).toBe(1);
  expect(scorePicture(prompt.replace("white", "navy"), 64, picture).earned).toBe(2);
});

it("tells the reference's pictures from pictures of other prompts", async () => {
  const prompts = readFileSync(`${folder}/prompts.txt`, "utf8").trim().split("\n");
  const file = await openCheckpoint(await openFile(`${folder}/io.safetensors`));
  const pictures = await Promise.all(prompts.map((_, i) => file.tensors.get(`out.${i}`)!.read()));
  await file.close();
  const right = totalScore(prompts.map((prompt, i) => scorePicture(prompt, 64, pictures[i]!)));
  const wrong = totalScore(prompts.map((prompt, i) => scorePicture(prompt, 64, pictures[(i + 7) % prompts.length]!)));
  // The interim weights draw ground and colours mostly right, places less so.
  expect(right).toBeGreaterThan(0.6);
  expect(wrong).toBeLessThan(0.2);
});
