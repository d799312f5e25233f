/** A width and a height, in CSS pixels or in pixels of an image. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Cells of equal size, as large as they fit. */
export interface GridFit {
  readonly columns: number;
  readonly cell: Size;
}

/**
 * Largest size of an image within a box, in CSS pixels. If `isWhole` and the box is larger than the image, each pixel of the
 * image becomes a whole number of pixels of the screen, of which `pixelRatio` make a CSS pixel.
 */
export function fitImage(image: Size, box: Size, isWhole: boolean, pixelRatio: number): Size {
  const scale = Math.max(Math.min(box.width / image.width, box.height / image.height), 0);
  const factor = scale * pixelRatio;
  const chosen = isWhole && factor >= 1 ? Math.floor(factor) / pixelRatio : scale;
  return { width: image.width * chosen, height: image.height * chosen };
}

/** Arranges `count` images of equal proportion in a box so that they are as large as possible, with `gap` between them. */
export function fitGrid(count: number, image: Size, box: Size, gap: number): GridFit {
  let best: GridFit = { columns: 1, cell: { width: 0, height: 0 } };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const room = { width: (box.width - gap * (columns - 1)) / columns, height: (box.height - gap * (rows - 1)) / rows };
    const cell = fitImage(image, room, false, 1);
    if (cell.width > best.cell.width) best = { columns, cell };
  }
  return best;
}
