import { Problem } from '../../ui/Problem';
import { Meanwhile } from '../form/Meanwhile';
import type { Names } from '../form/merged';
import { otherProblems } from './problems';
import type { useExactly } from './useExactly';

interface Props<Form> {
  /** What is saved, such as "filter". */
  what: string;
  saving: ReturnType<typeof useExactly>;
  /** The members of the input whose errors are shown beside their fields. */
  shown: readonly string[][];
  clashes: readonly (keyof Form)[];
  names: Names<Form>;
}

/** The end of a form that saves a setting: what went wrong, what others changed, the button, and whether it is saved. */
export function SaveRow<Form>({ what, saving, shown, clashes, names }: Props<Form>) {
  return (
    <>
      <Problem error={saving.error} what={`The ${what} could not be saved`} />
      {otherProblems(saving.errors, shown).map((message) => (
        <p className="alert" role="alert" key={message}>
          {message}
        </p>
      ))}
      <Meanwhile clashes={clashes} names={names} />
      <div className="actions start">
        <button type="submit" disabled={saving.fetching}>
          Save the {what}
        </button>
        <span role="status" className="soft">
          {saving.isSaved && `The ${what} is saved.`}
        </span>
      </div>
    </>
  );
}
