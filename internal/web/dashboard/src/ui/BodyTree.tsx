import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { CopyButton } from './CopyButton';
import { inSlices } from './inSlices';
import { canOpen, indexed, type Line, lines, nameText, PAGE, pathOf, type Tree, valueText } from './tree';
import { Visible } from './Visible';

/** A tree with at most as many values is open at first; of larger ones, only the first level. */
const SMALL = 60;

/** Longer values are cut; copying copies all of it. */
const SHOWN = 200;

/** A body as a tree whose objects and arrays open and close. */
export function BodyTree({ text, label }: { text: string; label: string }) {
  const [tree, setTree] = useState<Tree | null>();
  useEffect(() => {
    const gone = new AbortController();
    setTree(undefined);
    inSlices(indexed(text), gone.signal).then(setTree, () => {});
    return () => gone.abort();
  }, [text]);
  if (tree === undefined) return <p className="soft late">Reading the body…</p>;
  if (tree === null)
    return <p className="soft">The body is not valid JSON, so it cannot be shown as a tree.</p>;
  return <Lines key={text} tree={tree} label={label} />;
}

function Lines({ tree, label }: { tree: Tree; label: string }) {
  const [open, setOpen] = useState<ReadonlySet<number>>(
    () => new Set(tree.starts.length <= SMALL ? tree.starts.keys() : [0]),
  );
  const [shown, setShown] = useState<ReadonlyMap<number, number>>(new Map());
  const [chosen, setChosen] = useState(0);
  const all = useMemo(() => lines(tree, open, shown), [tree, open, shown]);
  const list = useRef<HTMLDivElement>(null);
  const at = Math.min(chosen, all.length - 1);
  const line = all[at] as Line;

  function go(to: number) {
    const place = Math.max(0, Math.min(all.length - 1, to));
    setChosen(place);
    list.current?.querySelectorAll<HTMLElement>('[role=treeitem]')[place]?.focus();
  }
  function toggle(of: Line, how = !open.has(of.value)) {
    if (of.rest > 0) {
      setShown(new Map(shown).set(of.parent, (shown.get(of.parent) ?? PAGE) + PAGE));
    } else if (canOpen(tree, of.value)) {
      const next = new Set(open);
      if (how) next.add(of.value);
      else next.delete(of.value);
      setOpen(next);
    }
  }
  function press(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const opens = line.rest === 0 && canOpen(tree, line.value);
    const isOpen = opens && open.has(line.value);
    if (event.key === 'ArrowDown') go(at + 1);
    else if (event.key === 'ArrowUp') go(at - 1);
    else if (event.key === 'Home') go(0);
    else if (event.key === 'End') go(all.length - 1);
    else if (event.key === 'Enter' || event.key === ' ') toggle(line);
    else if (event.key === 'ArrowRight') isOpen ? go(at + 1) : opens && toggle(line, true);
    else if (event.key === 'ArrowLeft') {
      if (isOpen) toggle(line, false);
      else if (line.parent >= 0) go(all.findIndex(({ value, rest }) => value === line.parent && rest === 0));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const path = line.rest > 0 ? '' : pathOf(tree, all, line);
  return (
    <>
      <div className="body-tools">
        {path !== '' && (
          <>
            <CopyButton text={() => valueText(tree, line.value)}>Copy value</CopyButton>
            <CopyButton text={path}>Copy path</CopyButton>
            <code className="tree-path">
              <Visible text={short(path)} />
            </code>
          </>
        )}
      </div>
      <div className="code tree" role="tree" aria-label={`${label}, as a tree`} ref={list} onKeyDown={press}>
        {all.map((of, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys
          <div
            key={of.rest > 0 ? `rest of ${of.parent}` : of.value}
            role="treeitem"
            aria-level={of.depth + 1}
            aria-posinset={of.place + 1}
            aria-setsize={of.parent < 0 ? 1 : (tree.sizes[of.parent] ?? 0)}
            aria-expanded={of.rest === 0 && canOpen(tree, of.value) ? open.has(of.value) : undefined}
            aria-selected={i === at}
            tabIndex={i === at ? 0 : -1}
            style={{ paddingInlineStart: `${12 + 16 * Math.min(of.depth, 12)}px` }}
            onFocus={() => setChosen(i)}
            onClick={() => toggle(of)}
          >
            <Content tree={tree} line={of} isOpen={open.has(of.value)} />
          </div>
        ))}
      </div>
    </>
  );
}

function Content({ tree, line, isOpen }: { tree: Tree; line: Line; isOpen: boolean }) {
  if (line.rest > 0)
    return (
      <span className="soft">
        Show {Math.min(PAGE, line.rest).toLocaleString('en')} of {line.rest.toLocaleString('en')} more
      </span>
    );
  const name = nameText(tree, line.value);
  const size = tree.sizes[line.value] ?? 0;
  const start = tree.starts[line.value] ?? 0;
  const isObject = tree.text[start] === '{';
  const noun = isObject ? 'member' : 'element';
  return (
    <>
      <span aria-hidden="true" className="tree-sign">
        {size === 0 ? '' : isOpen ? '▾' : '▸'}
      </span>
      {name !== null && (
        <>
          <Visible text={short(name)} />
          {': '}
        </>
      )}
      {name === null && line.parent >= 0 && <span className="soft">{line.place}: </span>}
      {size > 0 ? (
        <span className="soft">
          {isObject ? '{…}' : '[…]'} {size.toLocaleString('en')} {size === 1 ? noun : `${noun}s`}
        </span>
      ) : (
        <Visible
          text={short(tree.text.slice(start, Math.min(tree.ends[line.value] ?? 0, start + SHOWN + 1)))}
        />
      )}
    </>
  );
}

/** The beginning of a text. */
function short(text: string): string {
  if (text.length <= SHOWN) return text;
  // A character is not cut in two.
  return `${text.slice(0, SHOWN).replace(/[\ud800-\udbff]$/, '')}…`;
}
