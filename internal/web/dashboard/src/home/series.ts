interface Stats {
  from: string;
  series: readonly { from: string }[];
}

/** The statistics after a message of their stream, whose series has only the buckets that are new or have changed. */
export function withBuckets<S extends Stats>(before: S | undefined, next: S): S {
  const buckets = new Map<string, S['series'][number]>();
  for (const bucket of [...(before?.series ?? []), ...next.series]) {
    if (Date.parse(bucket.from) >= Date.parse(next.from)) buckets.set(bucket.from, bucket);
  }
  const series = [...buckets.values()].sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
  return { ...next, series };
}
