import { MediaQuery } from "svelte/reactivity";

/** Whether the form stands beside the stage. Else it lies below, with its options in a sheet. `App.svelte` has the same width. */
export const isWide = new MediaQuery("min-width: 1000px", true);

/** Whether fingers are the pointer. `tokens.css` has the same. */
export const isTouch = new MediaQuery("pointer: coarse", false);
