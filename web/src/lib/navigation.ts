import { type RefObject, useEffect } from 'react';

let first = true;
let travelled = false; // by the browser's back or forward: it restores the place itself

export function startNavigation() {
  window.addEventListener('popstate', () => (travelled = true));
  window.addEventListener('pushState', () => (travelled = false)); // sent by wouter
}

/** A page that comes into view takes the focus to its heading, which screen readers then read. */
export function useArrival(heading: RefObject<HTMLElement | null>) {
  useEffect(() => {
    if (!first) {
      heading.current?.focus({ preventScroll: true });
      if (!travelled) window.scrollTo(0, 0);
    }
    first = false;
  }, [heading]);
}
