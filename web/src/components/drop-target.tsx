import { type DragEvent as ReactDragEvent, useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { filesOf } from '../lib/files';
import { setQueryPhoto, uploads } from '../lib/state';

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;

/** Files may be dropped anywhere: while they hang over the page, it says what each half would do. */
export function DropTarget() {
  const [over, setOver] = useState(false);
  const [, go] = useLocation();

  useEffect(() => {
    let depth = 0; // enter and leave come for every element on the way
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const move = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault(); // or the browser would open the file
      depth = 0;
      setOver(false);
    };
    window.addEventListener('dragenter', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('dragover', move);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragenter', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('dragover', move);
      window.removeEventListener('drop', drop);
    };
  }, []);

  if (!over) return null;

  const add = async (event: ReactDragEvent) => {
    const files = filesOf(event.dataTransfer);
    go('/add');
    uploads.add(await files);
  };
  const find = async (event: ReactDragEvent) => {
    const [first] = await filesOf(event.dataTransfer);
    if (!first) return;
    setQueryPhoto(first);
    go('/');
  };
  const zone =
    'grid place-items-center rounded-xl border-2 border-dashed border-accent bg-card p-4 text-center text-lg font-semibold';
  return (
    <div className="bg-page/80 fixed inset-0 z-40 grid gap-4 p-6 sm:grid-cols-2">
      <div className={zone} data-zone="search" onDrop={(event) => void find(event)}>
        Search by this photo
      </div>
      <div className={zone} data-zone="add" onDrop={(event) => void add(event)}>
        Add to the library
      </div>
    </div>
  );
}
