interface Bucket {
  values: { created: number; succeeded: number; failed: number; canceled: number };
}

/** The backlog at the end of each bucket: the current one, minus the deliveries created since, plus those completed since. */
export function backlogOver(buckets: readonly Bucket[], waitingNow: number): number[] {
  const waiting: number[] = [];
  let at = waitingNow;
  for (const { values } of buckets.toReversed()) {
    // The counts and the backlog are not read at the same instant.
    waiting.push(Math.max(0, at));
    at -= values.created - values.succeeded - values.failed - values.canceled;
  }
  return waiting.reverse();
}
