/** The typed event types, one per line or separated by commas or spaces; null for all. */
export function typesOf(text: string): string[] | null {
  const types = text.split(/[\s,]+/).filter(Boolean);
  return types.length > 0 ? types : null;
}
