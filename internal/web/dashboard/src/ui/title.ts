import { useEffect } from 'react';

let product = 'Hookgraph';

/** What the page is called; for the customer portal. */
export function setProduct(name: string): void {
  product = name;
}

/** Names the screen in the browser's tab and history. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ${product}`;
  }, [title]);
}
