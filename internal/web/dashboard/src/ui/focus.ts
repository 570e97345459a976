// Whoever works by the keyboard, or with a screen reader, goes on where they were: browsers move the focus to the body when the element that has it
// is removed or disabled, and read and tab from the start of the page then.

/** The elements that had the focus, the newest last. */
const before: HTMLElement[] = [];
const MOST = 30;

let last: { element: HTMLElement; path: string } | null = null;
let isByPointer = false;

function isLost(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}

function focus(element: HTMLElement): boolean {
  element.focus({ preventScroll: true });
  if (document.activeElement !== element) return false;
  element.scrollIntoView({ block: 'nearest' });
  return true;
}

/** Moves the focus to the newest element that had it and can have it; on another screen, or without one, to the content. */
function giveBack(path: string): void {
  if (path === location.pathname) {
    while (before.length > 0) {
      const element = before.pop();
      if (element?.isConnected && focus(element)) return;
    }
  }
  document.getElementById('main')?.focus({ preventScroll: true });
}

/** Whether the focused element has been enabled again. */
function isEnabledAgain(records: readonly MutationRecord[], element: Element): boolean {
  return (
    records.some(({ type, target }) => type === 'attributes' && target === element) &&
    element.matches(':enabled')
  );
}

/** Starts to look after the focus; for main. Who uses a pointer needs none. */
export function startFocus(): void {
  addEventListener('pointerdown', () => (isByPointer = true), { capture: true, passive: true });
  addEventListener('keydown', () => (isByPointer = false), { capture: true, passive: true });
  addEventListener('focusin', ({ target }) => {
    if (!(target instanceof HTMLElement)) return;
    // The page does not hold on to the elements of screens that were left.
    if (last?.path !== location.pathname) before.length = 0;
    else before.push(last.element);
    if (before.length > MOST) before.shift();
    last = { element: target, path: location.pathname };
  });
  new MutationObserver((records) => {
    if (!last || isByPointer || !isLost()) return;
    if (!last.element.isConnected) giveBack(last.path);
    else if (isEnabledAgain(records, last.element)) focus(last.element);
  }).observe(document.body, { childList: true, subtree: true, attributeFilter: ['disabled'] });
}
