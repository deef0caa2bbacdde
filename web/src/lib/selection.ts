import { useState } from 'react';

/** Chosen items of a list; with Shift, all from the one chosen before. */
export function useSelection(ids: readonly string[]) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [last, setLast] = useState<string | null>(null);
  const present = ids.filter((id) => chosen.has(id)); // events may have taken some away
  return {
    ids: present,
    has: (id: string) => chosen.has(id),
    clear: () => setChosen(new Set()),
    all: () => setChosen(new Set(ids)),
    toggle: (id: string, range: boolean) => {
      setChosen((old) => selectTo(ids, old, id, range ? last : null));
      setLast(id);
    },
  };
}

export function selectTo(
  ids: readonly string[],
  chosen: ReadonlySet<string>,
  id: string,
  from: string | null,
): ReadonlySet<string> {
  const next = new Set(chosen);
  const start = from === null ? -1 : ids.indexOf(from);
  const end = ids.indexOf(id);
  if (start >= 0 && end >= 0) {
    for (const one of ids.slice(Math.min(start, end), Math.max(start, end) + 1)) next.add(one);
  } else if (!next.delete(id)) {
    next.add(id);
  }
  return next;
}
