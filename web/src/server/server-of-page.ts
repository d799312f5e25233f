/** The URL of the server's API, from the page that `dalle2 serve` sends; undefined if another host has it. */
export function serverOfPage(page: Document): string | undefined {
  const place = page.querySelector<HTMLMetaElement>('meta[name="dalle2-server"]')?.content;
  return place === undefined ? undefined : new URL(place, page.baseURI).href;
}
