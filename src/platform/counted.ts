/** A number of things, as "1 image" and "2 images"; `many` is the plural where it is not formed by an s. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
