// An index of JSON text: where each value begins and ends. Values are not parsed: what is shown and copied is the text as it was sent.

/** The values of a text, parents before their children. Value 0 is the whole. */
export interface Tree {
  text: string;
  /** Where the name before a value begins; -1 for elements of arrays, and for the whole. */
  names: number[];
  starts: number[];
  ends: number[];
  /** The number of the first value after a value and all that is in it. */
  next: number[];
  /** How many members or elements a value has. */
  sizes: number[];
}

const WORD = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** How many values are indexed between two chances to stop. */
const STEP = 1000;

/** Indexes a text, in steps; the result is null if the text is not JSON. */
export function* indexed(text: string): Generator<void, Tree | null> {
  const tree: Tree = { text, names: [], starts: [], ends: [], next: [], sizes: [] };
  const { names, starts, ends, next, sizes } = tree;
  const open: number[] = [];
  let at = afterSpace(text, 0);
  let wanted: 'value' | 'valueOrEnd' | 'commaOrEnd' = 'value';
  for (let step = 1; ; step++) {
    if (step % STEP === 0) yield;
    at = afterSpace(text, at);
    const parent = open.at(-1);
    const inObject = parent !== undefined && text[starts[parent] ?? 0] === '{';
    if (parent !== undefined && wanted !== 'value' && text[at] === (inObject ? '}' : ']')) {
      ends[parent] = ++at;
      next[parent] = starts.length;
      open.pop();
      wanted = 'commaOrEnd';
      continue;
    }
    if (wanted === 'commaOrEnd') {
      if (parent === undefined) return at === text.length ? tree : null;
      if (text[at++] !== ',') return null;
      wanted = 'value';
      continue;
    }
    let name = -1;
    if (inObject) {
      name = at;
      at = text[at] === '"' ? afterString(text, at) : -1;
      if (at < 0) return null;
      at = afterSpace(text, at);
      if (text[at++] !== ':') return null;
      at = afterSpace(text, at);
    }
    const value = starts.length;
    names.push(name);
    starts.push(at);
    ends.push(at);
    next.push(value + 1);
    sizes.push(0);
    if (parent !== undefined) sizes[parent] = (sizes[parent] ?? 0) + 1;
    if (text[at] === '{' || text[at] === '[') {
      open.push(value);
      at++;
      wanted = 'valueOrEnd';
    } else {
      at = text[at] === '"' ? afterString(text, at) : afterWord(text, at);
      if (at < 0) return null;
      ends[value] = at;
      wanted = 'commaOrEnd';
    }
  }
}

function afterSpace(text: string, at: number): number {
  let end = at;
  while (text[end] === ' ' || text[end] === '\n' || text[end] === '\r' || text[end] === '\t') end++;
  return end;
}

/** Where a string that begins with its quote ends; -1 if it does not. */
export function afterString(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (text[quote - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return quote + 1;
  }
  return -1;
}

function afterWord(text: string, at: number): number {
  WORD.lastIndex = at;
  return WORD.test(text) ? WORD.lastIndex : -1;
}

/** The text of a value, as it was sent. */
export function valueText(tree: Tree, value: number): string {
  return tree.text.slice(tree.starts[value], tree.ends[value]);
}

/** The name before a value, as it was sent, with its quotes; null for elements of arrays, and for the whole. */
export function nameText(tree: Tree, value: number): string | null {
  const start = tree.names[value] ?? -1;
  return start < 0 ? null : tree.text.slice(start, afterString(tree.text, start));
}

/** Whether a value is an object or an array with something in it. */
export function canOpen(tree: Tree, value: number): boolean {
  return (tree.sizes[value] ?? 0) > 0;
}

/** A line of the tree as it is shown: a value, or what stands for the members of a value that are not shown yet. */
export interface Line {
  value: number;
  parent: number;
  depth: number;
  /** The place among its siblings, from 0. */
  place: number;
  /** How many siblings are not shown yet, for the line that stands for them; 0 for values. */
  rest: number;
}

/** How many members of a value are shown at first, and how many more at a time. */
export const PAGE = 100;

/** The lines that are shown when some values are open. shown has how many members of a value are, where it is not the first page. */
export function lines(tree: Tree, open: ReadonlySet<number>, shown: ReadonlyMap<number, number>): Line[] {
  const all: Line[] = [{ value: 0, parent: -1, depth: 0, place: 0, rest: 0 }];
  // The members that are still to be shown, innermost last.
  const within: { parent: number; child: number; place: number }[] = [];
  const enter = (value: number) => {
    if (open.has(value) && canOpen(tree, value)) within.push({ parent: value, child: value + 1, place: 0 });
  };
  enter(0);
  for (let top = within.at(-1); top; top = within.at(-1)) {
    const { parent, child, place } = top;
    const size = tree.sizes[parent] ?? 0;
    const limit = Math.min(size, shown.get(parent) ?? PAGE);
    const line = { value: child, parent, depth: within.length, place, rest: 0 };
    if (place === limit) {
      if (limit < size) all.push({ ...line, rest: size - limit });
      within.pop();
      continue;
    }
    all.push(line);
    top.child = tree.next[child] ?? 0;
    top.place++;
    enter(child);
  }
  return all;
}

/** The path to a line's value in JSONPath (RFC 9535): $.items[0].id; names that are no identifiers are in brackets, as they were sent. */
export function pathOf(tree: Tree, all: readonly Line[], line: Line): string {
  const steps: string[] = [];
  for (let at: Line | undefined = line; at && at.parent >= 0; ) {
    const name = nameText(tree, at.value);
    if (name === null) steps.push(`[${at.place}]`);
    else steps.push(/^"[A-Za-z_]\w*"$/.test(name) ? `.${name.slice(1, -1)}` : `[${name}]`);
    const parent: number = at.parent;
    at = all.find(({ value, rest }) => value === parent && rest === 0);
  }
  return `$${steps.reverse().join('')}`;
}
