/** The maximum number of rows in a list. */
export const MAX_ROWS = 1000;
