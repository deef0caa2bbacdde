import { type ReactNode, useEffect, useRef } from 'react';

interface Props {
  label: string;
  /** Changes with what is current in it. */
  at: string;
  className: string;
  children: ReactNode;
}

/** Links in a row that may be wider than the window: the current one is in sight, and an edge with more fades. */
export function ScrollRow({ label, at, className, children }: Props) {
  const row = useRef<HTMLElement>(null);
  useEffect(() => {
    const element = row.current;
    const current = element?.querySelector<HTMLElement>('[aria-current]');
    if (element && current) {
      element.scrollLeft = current.offsetLeft - (element.clientWidth - current.offsetWidth) / 2;
    }
  }, [at]);
  useEffect(() => {
    const element = row.current;
    if (!element) return;
    const mark = () => {
      const left = element.scrollWidth - element.clientWidth - element.scrollLeft;
      element.toggleAttribute('data-before', element.scrollLeft > 1);
      element.toggleAttribute('data-after', left > 1);
    };
    const observer = new ResizeObserver(mark);
    observer.observe(element);
    element.addEventListener('scroll', mark, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', mark);
    };
  }, []);
  return (
    <nav ref={row} aria-label={label} className={`scroll-row relative ${className}`}>
      {children}
    </nav>
  );
}
