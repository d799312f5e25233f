// Makes the icons of the app from web/public/icon.svg: `node scripts/app-icons.js`, after a change of it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const folder = fileURLToPath(new URL("../web/public/", import.meta.url));
const icon = readFileSync(`${folder}icon.svg`, "utf8");
// Systems cut these to a shape of their own: the ground reaches the edges, and the drawing stays in the inner 80 %.
const maskable = icon
  .replace(/ rx="\d+"/, "")
  .replace(/(<circle[^]*)(<\/svg>)/, '<g transform="translate(16 16) scale(0.78) translate(-16 -16)">$1</g>$2');

async function write(svg, size, name) {
  await sharp(Buffer.from(svg), { density: (72 * size) / 32 })
    .resize(size, size)
    .png({ palette: true, compressionLevel: 9, effort: 10 })
    .toFile(folder + name);
}

await write(icon, 192, "icon-192.png");
await write(icon, 512, "icon-512.png");
await write(maskable, 512, "icon-maskable-512.png");
await write(maskable, 180, "apple-touch-icon.png");
