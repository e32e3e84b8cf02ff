/** Put a text on the clipboard; false where the browser does not allow it, as on pages that are not secure. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
