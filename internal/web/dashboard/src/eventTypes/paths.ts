/** The address of a type's page. */
export function pathOf(name: string): string {
  return `/event-types/${encodeURIComponent(name)}`;
}
