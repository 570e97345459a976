import { type FormEvent, useId, useState } from 'react';
import { useViewer } from '../frame/viewer';
import { Visible } from '../ui/Visible';
import { load, save, type View, withView } from './views';

interface Props {
  /** The list that the views belong to. */
  list: string;
  /** The filter that is shown. */
  text: string;
  onChange(text: string): void;
}

/** The saved filters, and a way to save the current one. They are stored on this device, by tenant. */
export function SavedViews({ list, text, onChange }: Props) {
  const id = useId();
  const key = `hookgraph:views:${list}:${useViewer()?.tenant.id}`;
  const [views, setViews] = useState(() => load(key));
  const [name, setName] = useState('');

  function change(next: View[]) {
    save(key, next);
    setViews(next);
  }

  function onSubmit(event: FormEvent) {
    event.preventDefault();
    change(withView(views, { name, q: text }));
    setName('');
  }

  return (
    <>
      <button type="button" className="quiet" popoverTarget={id}>
        Views
      </button>
      <div id={id} popover="auto" className="menu">
        <ul className="views">
          {views.map((view) => (
            <li key={view.name}>
              <button
                type="button"
                popoverTarget={id}
                popoverTargetAction="hide"
                aria-current={view.q === text}
                onClick={() => onChange(view.q)}
              >
                <Visible text={view.name} />
              </button>
              <button
                type="button"
                className="quiet"
                aria-label={`Delete the view ${view.name}`}
                onClick={() => change(views.filter((other) => other !== view))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
        {views.length === 0 && <p className="soft">No view is saved on this device.</p>}
        <form onSubmit={onSubmit}>
          <label>
            Save this filter as
            <input
              name="view"
              required
              maxLength={80}
              value={name}
              autoComplete="off"
              onChange={(event) => setName(event.target.value)}
            />
          </label>
          <button type="submit" disabled={!text}>
            Save
          </button>
        </form>
      </div>
    </>
  );
}
