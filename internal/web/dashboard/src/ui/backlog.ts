interface Bucket {
  values: { created: number; succeeded: number; failed: number; canceled: number };
}

/** How many deliveries waited at the end of each bucket: as many as wait now, without those that came and with those that ended since. */
export function backlogOver(buckets: readonly Bucket[], waitingNow: number): number[] {
  const waiting: number[] = [];
  let at = waitingNow;
  for (const { values } of buckets.toReversed()) {
    // What is counted and what waits are not read in the same instant.
    waiting.push(Math.max(0, at));
    at -= values.created - values.succeeded - values.failed - values.canceled;
  }
  return waiting.reverse();
}
