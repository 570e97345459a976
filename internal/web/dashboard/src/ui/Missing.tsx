interface Props {
  /** What is missing, such as "delivery". */
  noun: string;
  id: string;
  /** Why it may be. */
  why: string;
}

/** In place of a page whose object is not there. */
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
