/** The text of the null branch of guidance, and of a decoder's call without a text. */
export const NULL_TEXT = "";
