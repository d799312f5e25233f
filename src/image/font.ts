/**
 * A 5×7 bitmap font for labels on contact sheets. It has only ASCII: accents are dropped, other characters are drawn as
 * a box.
 */
import type { RgbImage } from "./image.js";

export const GLYPH_WIDTH = 5;
/** Pixels from one character to the next. */
export const CHARACTER_WIDTH = GLYPH_WIDTH + 1;
/** Pixels from one line to the next. */
export const LINE_HEIGHT = 10;

/**
 * The characters from space to tilde. Each has five columns of two hexadecimal digits; the lowest bit is the top pixel.
 */
const GLYPHS = [
  "0000000000 00005F0000 0007000700 147F147F14 242A7F2A12 2313086462 3649562050 0005030000",
  "001C224100 0041221C00 082A1C2A08 08083E0808 0050300000 0808080808 0060600000 2010080402",
  "3E5149453E 00427F4000 4261514946 2141454B31 1814127F10 2745454539 3C4A494930 0171090503",
  "3649494936 064949291E 0036360000 0056360000 0814224100 1414141414 0041221408 0201510906",
  "324979413E 7E1111117E 7F49494936 3E41414122 7F4141221C 7F49494941 7F09090901 3E4149497A",
  "7F0808087F 00417F4100 2040413F01 7F08142241 7F40404040 7F020C027F 7F0408107F 3E4141413E",
  "7F09090906 3E4151215E 7F09192946 4649494931 01017F0101 3F4040403F 1F2040201F 3F4038403F",
  "6314081463 0304780403 6151494543 007F414100 0204081020 0041417F00 0402010204 4040404040",
  "0001020400 2054545478 7F48444438 3844444420 384444487F 3854545418 087E090102 0C5252523E",
  "7F08040478 00447D4000 2040443D00 7F10284400 00417F4000 7C04180478 7C08040478 3844444438",
  "7C14141408 081414187C 7C08040408 4854545420 043F444020 3C4040207C 1C2040201C 3C4030403C",
  "4428102844 0C5050503C 4464544C44 0008364100 00007F0000 0041360800 0804081008",
]
  .join(" ")
  .split(" ");
const BOX = "7F4141417F";

/**
 * Draws one line of text. `left` and `top` are the corner of the first character. Pixels outside the image are ignored.
 */
export function drawText(
  image: RgbImage,
  text: string,
  left: number,
  top: number,
  colour: readonly [number, number, number],
): void {
  for (const [i, character] of plainCharacters(text).entries()) {
    const glyph = GLYPHS[character.codePointAt(0)! - 0x20] ?? BOX;
    for (let column = 0; column < GLYPH_WIDTH; column++) {
      const bits = Number.parseInt(glyph.slice(column * 2, column * 2 + 2), 16);
      for (let row = 0; row < 8; row++) {
        if ((bits >> row) & 1) setPixel(image, left + i * CHARACTER_WIDTH + column, top + row, colour);
      }
    }
  }
}

/** Returns the characters of a text as they are drawn, without accents. */
export function plainCharacters(text: string): string[] {
  return Array.from(text.normalize("NFD").replaceAll(/\p{Mn}/gu, ""));
}

function setPixel({ width, height, data }: RgbImage, x: number, y: number, colour: readonly [number, number, number]) {
  if (x >= 0 && x < width && y >= 0 && y < height) data.set(colour, (y * width + x) * 3);
}
