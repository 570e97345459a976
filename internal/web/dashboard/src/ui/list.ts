/** How many rows a list holds at most. */
export const MAX_ROWS = 1000;
