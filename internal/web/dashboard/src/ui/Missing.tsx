interface Props {
  /** What is missing, such as "delivery". */
  noun: string;
  id: string;
  /** A possible reason. */
  why: string;
}

/** Shown in place of a page whose object does not exist. */
export function Missing({ noun, id, why }: Props) {
  return (
    <>
      <h1>Not there</h1>
      <p>
        No {noun} has the ID <code>{id}</code> for this token and tenant. {why}
      </p>
    </>
  );
}
