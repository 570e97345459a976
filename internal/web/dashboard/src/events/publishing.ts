/** The error in the typed data; undefined if it is JSON. */
export function dataProblem(text: string): string | undefined {
  if (text.trim() === '') return 'Write JSON, such as {"id": 42}; null is possible, too.';
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return `This is not JSON: ${(error as Error).message}`;
  }
}

/** The typed tags, one per line. */
export function tagsOf(text: string): string[] {
  return text
    .split('\n')
    .map((tag) => tag.trim())
    .filter(Boolean);
}
