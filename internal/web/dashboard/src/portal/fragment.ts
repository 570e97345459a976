/** The code of a portal link in a fragment; null if there is none. */
export function codeOf(hash: string): string | null {
  return /^#(hgl_[\w-]+)$/.exec(hash)?.[1] ?? null;
}
