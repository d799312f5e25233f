/** Attribute of the form whose submission generates. */
export const GENERATE_FORM = "data-generates";
