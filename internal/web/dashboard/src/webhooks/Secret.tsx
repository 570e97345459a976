import { CopyButton } from '../ui/CopyButton';

/** A signing secret, which is shown this once. */
export function Secret({ secret }: { secret: string }) {
  return (
    <>
      <p>
        This is its signing secret. <b>It is shown this once:</b> keep it where the receiver finds it. With it
        the receiver verifies that requests come from here.
      </p>
      <p className="secret">
        <code>{secret}</code> <CopyButton text={secret}>Copy</CopyButton>
      </p>
    </>
  );
}
