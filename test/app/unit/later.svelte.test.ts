import type { Component } from "svelte";
import { afterEach, expect, it, vi } from "vitest";
import { later, loadParts, tellOfFailures } from "../../../web/src/parts/later.svelte.js";

const part = { default: vi.fn() as unknown as Component<object> };
const onFailure = vi.fn();
tellOfFailures(onFailure);

afterEach(() => {
  onFailure.mockClear();
});

it("loads a part once", async () => {
  const load = vi.fn(() => Promise.resolve(part));
  const one = later(load);
  expect(one.component).toBeUndefined();
  one.need();
  await one.load();
  expect(one.component).toBe(part.default);
  expect(load).toHaveBeenCalledTimes(1);
});

it("tells of a part that is needed and cannot be loaded, and tries again", async () => {
  const load = vi.fn(() => Promise.resolve(part)).mockRejectedValueOnce(new TypeError("no network"));
  const one = later(load);
  one.need();
  await vi.waitFor(() => {
    expect(onFailure).toHaveBeenCalledTimes(1);
  });
  await one.load();
  expect(one.component).toBe(part.default);
});

it("loads all parts before they are needed, and tells nobody of those that cannot be", async () => {
  const broken = later<object>(() => Promise.reject(new TypeError("no network")));
  const after = later(() => Promise.resolve(part));
  await loadParts();
  expect([broken.component, after.component]).toEqual([undefined, part.default]);
  expect(onFailure).not.toHaveBeenCalled();
});
