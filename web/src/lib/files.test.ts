import { expect, test } from 'vitest';
import { filesOf } from './files';

const file = (name: string) => new File(['x'], name);
const fileEntry = (name: string) => ({
  name,
  isDirectory: false,
  file: (resolve: (file: File) => void) => resolve(file(name)),
});
// As browsers do, hands out what it has in portions, and nothing at the end.
const folder = (name: string, ...portions: unknown[][]) => ({
  name,
  isDirectory: true,
  createReader: () => {
    const left = [...portions];
    return { readEntries: (resolve: (entries: unknown[]) => void) => resolve(left.shift() ?? []) };
  },
});
const drop = (entries: unknown[], files: File[] = []) =>
  ({ items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })), files }) as unknown as DataTransfer;

test('folders are walked to the end, and what systems leave in them is passed over', async () => {
  const inner = folder('inner', [fileEntry('3.jpg')]);
  const outer = folder(
    'outer',
    [fileEntry('1.jpg'), fileEntry('.DS_Store')],
    [inner, fileEntry('Thumbs.db')],
    [fileEntry('2.jpg')],
  );
  const found = await filesOf(drop([outer, folder('.git', [fileEntry('config')])]));
  expect(found.map((one) => one.name)).toEqual(['1.jpg', '3.jpg', '2.jpg']);
});

test('loose files come as they are', async () => {
  const found = await filesOf(drop([fileEntry('a.jpg')], [file('a.jpg'), file('desktop.ini')]));
  expect(found.map((one) => one.name)).toEqual(['a.jpg']);
});
