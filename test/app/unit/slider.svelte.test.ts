import { flushSync, mount, unmount } from "svelte";
import { expect, it } from "vitest";
import { clampToStep, lastStep } from "../../../web/src/parts/clamp-to-step.js";
import Slider from "../../../web/src/parts/Slider.svelte";

it.each([
  { value: 1.25, min: 0, max: 10, step: 0.1, shown: "1.3" },
  { value: 0.1333, min: 0, max: 1, step: 0.05, shown: "0.15" },
  { value: 25, min: 0, max: 10, step: 1, shown: "10" },
  { value: 12.5, min: 0, max: 12.5, step: 1, shown: "12" },
])("a slider leaves $value as it is", ({ shown, ...props }) => {
  const changes: number[] = [];
  const slider = mount(Slider, {
    target: document.body,
    props: {
      ...props,
      label: "Guidance",
      valueText: String(props.value),
      onChange: (next: number) => void changes.push(next),
    },
  });
  flushSync();
  const thumb = document.querySelector("[role=slider]")!;
  expect([thumb.getAttribute("aria-valuenow"), thumb.getAttribute("aria-valuetext")]).toEqual([
    shown,
    String(props.value),
  ]);
  expect(changes).toEqual([]);
  thumb.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  flushSync();
  expect(changes).toEqual([clampToStep(Number(shown) - props.step, props.min, props.max, props.step)]);
  void unmount(slider);
});

it("the last step is within the range", () => {
  expect([lastStep(0, 0.3, 0.1), lastStep(1, 100, 1), lastStep(0, 12.5, 1)]).toEqual([0.3, 100, 12]);
});
