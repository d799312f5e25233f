/**
 * What Windows-1252 has at 0x80 to 0x9f, where Latin-1 has controls; the five bytes it leaves undefined stay controls. A
 * table, because the TextDecoder of Node 20 reads "windows-1252" as Latin-1.
 */
export const WINDOWS_1252_C1 = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";
