import { type RefObject, useEffect } from 'react';

let first = true;
let travelled = false; // by the browser's back or forward: it restores the place itself
let address = ''; // of the page that is shown
const left = new Map<string, string>(); // address of a page: the link by which it was left

const PATIENCE_MS = 1000; // a link that is not back by then is not waited for

const here = () => window.location.pathname + window.location.search;

export function startNavigation() {
  address = here();
  window.addEventListener('popstate', () => {
    travelled = true;
    address = here();
  });
  // These are sent by wouter, while the old page is still drawn.
  window.addEventListener('pushState', () => {
    travelled = false;
    left.set(address, document.activeElement?.closest('main a')?.getAttribute('href') ?? '');
    address = here();
  });
  window.addEventListener('replaceState', () => (address = here()));
}

/** Gives the focus to the link by which the page was left, as soon as it is drawn again. */
function returnTo(href: string, heading: HTMLElement, deadline: number): void {
  if (document.activeElement !== heading) return; // somebody went on
  const link = document.querySelector<HTMLElement>(`main a[href="${CSS.escape(href)}"]`);
  if (link) link.focus({ preventScroll: true });
  else if (performance.now() < deadline) requestAnimationFrame(() => returnTo(href, heading, deadline));
}

/**
 * A page that comes into view takes the focus to its heading, which screen readers then read; one that is come back
 * to, to the link by which it was left.
 */
export function useArrival(heading: RefObject<HTMLElement | null>) {
  useEffect(() => {
    const element = heading.current;
    if (!first && element) {
      element.focus({ preventScroll: true });
      if (!travelled) window.scrollTo(0, 0);
      const href = travelled && left.get(here());
      if (href) returnTo(href, element, performance.now() + PATIENCE_MS);
    }
    first = false;
  }, [heading]);
}
