import { cell } from './cell';
import { errorText } from './error-text';

export interface Notice {
  key: number;
  kind: 'good' | 'bad';
  text: string;
  detail: string;
}

const GOOD_MS = 6000;
const notices = cell<readonly Notice[]>([]);
let made = 0;

export const useNotices = notices.use;
export const dismiss = (key: number) => notices.set(notices.get().filter((one) => one.key !== key));

function show(kind: Notice['kind'], text: string, detail: string) {
  const key = (made += 1);
  notices.set([...notices.get().slice(-3), { key, kind, text, detail }]);
  if (kind === 'good') setTimeout(() => dismiss(key), GOOD_MS);
}

export const tell = (text: string) => show('good', text, '');
export function tellError(error: unknown) {
  const { title, detail, request } = errorText(error);
  show('bad', title, [detail, request].filter(Boolean).join(' · '));
}
