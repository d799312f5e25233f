/** Says how many images prompts give: "2 prompts × 3 images = 6". Empty without prompts. */
export function sayCount(prompts: number, count: number): string {
  if (prompts === 0) return "";
  if (prompts === 1) return images(count);
  return `${prompts} prompts × ${images(count)} = ${prompts * count}`;
}

function images(count: number): string {
  return count === 1 ? "1 image" : `${count} images`;
}
