/** The tile that an arrow key leads to from another. `tiles` are in the order of reading. */
export function nextTile(tiles: readonly HTMLElement[], from: HTMLElement, key: string): HTMLElement | undefined {
  const index = tiles.indexOf(from);
  switch (key) {
    case "ArrowRight":
      return tiles[index + 1];
    case "ArrowLeft":
      return tiles[index - 1];
    case "ArrowDown":
      return inNextRow(tiles.slice(index + 1), from);
    case "ArrowUp":
      return inNextRow(tiles.slice(0, index).reverse(), from);
    case "Home":
      return tiles[0];
    case "End":
      return tiles.at(-1);
    default:
      return undefined;
  }
}

/** Of the first row among `tiles` that is not that of `from`, the one that lies nearest to it. */
function inNextRow(tiles: readonly HTMLElement[], from: HTMLElement): HTMLElement | undefined {
  const { top, left } = from.getBoundingClientRect();
  let row: number | undefined;
  let nearest: { readonly tile: HTMLElement; readonly distance: number } | undefined;
  for (const tile of tiles) {
    const box = tile.getBoundingClientRect();
    if (Math.abs(box.top - top) < 1) continue;
    row ??= box.top;
    if (Math.abs(box.top - row) >= 1) break;
    const distance = Math.abs(box.left - left);
    if (!nearest || distance < nearest.distance) nearest = { tile, distance };
  }
  return nearest?.tile;
}
