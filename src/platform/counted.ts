/** A count with its noun: "1 image", "2 images". `many` is the plural, if it is irregular. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
