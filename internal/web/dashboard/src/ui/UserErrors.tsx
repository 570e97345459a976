interface Props {
  /** What is wrong with the input; undefined before there is an answer. */
  errors: readonly { message: string; field?: readonly string[] }[] | undefined;
  /** Fields of the input whose errors are shown beside them. */
  except?: readonly string[];
}

/** Shows what is wrong with the input of a mutation. */
export function UserErrors({ errors = [], except = [] }: Props) {
  return errors
    .filter(({ field }) => !except.includes(field?.[1] ?? ''))
    .map(({ message }) => (
      <p className="alert" role="alert" key={message}>
        {message}
      </p>
    ));
}
