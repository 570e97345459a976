// The differences between a response and the one before it.

export interface Change {
  kind: 'same' | 'added' | 'removed';
  text: string;
}

interface Answer {
  status: number;
  headers: readonly { name: string; value: string }[];
  body: string;
}

/** Longer texts are not compared line by line: it would take too long. */
const MAX_LINES = 500;

/** A response as lines: the status, the header fields by name, and the body. */
export function lines(answer: Answer | null | undefined): string[] {
  if (!answer) return ['(no response)'];
  const headers = answer.headers.map(({ name, value }) => `${name.toLowerCase()}: ${value}`).sort();
  return [`HTTP ${answer.status}`, ...headers, '', ...answer.body.split('\n')];
}

/** The lines of both, with what was removed and added; null when there are too many to compare. */
export function diff(before: readonly string[], after: readonly string[]): Change[] | null {
  if (before.length > MAX_LINES || after.length > MAX_LINES) return null;
  // common[i][j]: the length of the longest common subsequence of what follows i and j.
  const width = after.length + 1;
  const common = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * width + j] =
        before[i] === after[j]
          ? (common[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
    }
  }
  const changes: Change[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      changes.push({ kind: 'same', text: after[j] ?? '' });
      i++;
      j++;
    } else if (
      j >= after.length ||
      (i < before.length && (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))
    ) {
      changes.push({ kind: 'removed', text: before[i++] ?? '' });
    } else {
      changes.push({ kind: 'added', text: after[j++] ?? '' });
    }
  }
  return changes;
}
