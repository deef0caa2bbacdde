const CLUTTER = /^(\..*|thumbs\.db|desktop\.ini)$/i;

/** Files that operating systems leave in folders, which nobody means to add. */
export const isClutter = (name: string) => CLUTTER.test(name);

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return all; // browsers hand out about a hundred at a time
    all.push(...some);
  }
}

async function walk(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (isClutter(entry.name)) return;
  if (entry.isDirectory) {
    for (const inner of await entriesOf(entry as FileSystemDirectoryEntry)) await walk(inner, found);
  } else {
    found.push(
      await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)),
    );
  }
}

/** All files of a drop, those in folders too. Must be called within the drop event. */
export async function filesOf(data: DataTransfer): Promise<File[]> {
  const entries = Array.from(data.items, (item) => item.webkitGetAsEntry?.() ?? null);
  const loose = Array.from(data.files);
  if (!entries.some((entry) => entry?.isDirectory)) return loose.filter((file) => !isClutter(file.name));
  const found: File[] = [];
  for (const entry of entries) {
    if (entry) await walk(entry, found);
  }
  return found;
}
