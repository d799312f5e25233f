import { expect, it } from "vitest";
import { withDefaults } from "../../src/platform/node-gpu.js";

// Dawn uses only the last "enable-dawn-features": a list from the caller must not turn the default ones off.
it("puts toggles of the caller into one list with the default ones", () => {
  const flags = withDefaults(["backend=vulkan", "enable-dawn-features=a,b", "enable-dawn-features=c"]);
  expect(flags).toHaveLength(2);
  expect(flags[0]).toMatch(/^enable-dawn-features=.*vulkan_enable_f16_on_nvidia.*,a,b,c$/);
  expect(flags[1]).toBe("backend=vulkan");
  expect(withDefaults([])[0]).toMatch(/[^,]$/);
});
