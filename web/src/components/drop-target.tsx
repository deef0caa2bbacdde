import { type DragEvent as ReactDragEvent, useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { filesOf } from '../lib/files';
import { t } from '../lib/i18n';
import { addFiles } from '../lib/intake';
import { photoAddress } from '../lib/searching';
import { useMay } from '../lib/session';
import { setQueryPhoto } from '../lib/state';
import { Icon } from './icon';

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
const WRITES = 'input:not([type=checkbox]):not([type=file]), textarea';

/**
 * Files may be dropped anywhere: while they hang over the page, it says what each half would do. What is
 * pasted is searched on the page of the search, and else added.
 */
export function DropTarget() {
  const [over, setOver] = useState(false);
  const [path, go] = useLocation();
  const mayAdd = useMay('write');

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
    const paste = (event: ClipboardEvent) => {
      const files = Array.from(event.clipboardData?.files ?? []);
      const [first] = files;
      if (!first || (event.target instanceof Element && event.target.matches(WRITES))) return;
      event.preventDefault();
      if (path.startsWith('/search') || !mayAdd) {
        setQueryPhoto(first);
        go(photoAddress(window.location));
      } else {
        addFiles(files);
      }
    };
    window.addEventListener('dragenter', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('dragover', move);
    window.addEventListener('drop', drop);
    window.addEventListener('paste', paste);
    return () => {
      window.removeEventListener('dragenter', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('dragover', move);
      window.removeEventListener('drop', drop);
      window.removeEventListener('paste', paste);
    };
  }, [path, go, mayAdd]);

  if (!over) return null;

  const add = async (event: ReactDragEvent) => addFiles(await filesOf(event.dataTransfer));
  const find = async (event: ReactDragEvent) => {
    const [first] = await filesOf(event.dataTransfer);
    if (!first) return;
    setQueryPhoto(first);
    go(photoAddress(window.location));
  };
  const zone =
    'border-accent bg-card flex flex-col items-center justify-center gap-3 rounded-xl border-2 border-dashed p-4 text-center text-lg font-semibold';
  return (
    <section
      aria-label={t('drop.label')}
      className="bg-page/85 fixed inset-0 z-40 grid gap-4 p-6 sm:grid-flow-col sm:auto-cols-fr"
    >
      <div className={zone} data-zone="search" onDrop={(event) => void find(event)}>
        <Icon name="search" className="text-accent size-10" />
        {t('drop.search')}
      </div>
      {mayAdd && (
        <div className={zone} data-zone="add" onDrop={(event) => void add(event)}>
          <Icon name="add" className="text-accent size-10" />
          {t('drop.add')}
        </div>
      )}
    </section>
  );
}
