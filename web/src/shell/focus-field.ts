/** Sets the focus to a field, also where it is folded. Returns whether it is there. */
export function focusField(root: ParentNode, field: string): boolean {
  const element = root.querySelector<HTMLElement>(`[data-field="${field}"]`);
  const folded = element?.closest("details");
  if (folded) folded.open = true;
  element?.focus();
  return element !== null;
}
