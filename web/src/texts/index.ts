import type { Entry } from '../lib/i18n';
import { access } from './access';
import { common } from './common';
import { docs } from './docs';
import { library } from './library';
import { search } from './search';
import { system } from './system';
import { tasks } from './tasks';
import { video } from './video';

/** Every text of the page; a text without its translation does not compile. */
export type Table = Record<string, Entry>;

export const TEXTS = { ...common, ...library, ...search, ...tasks, ...system, ...access, ...docs, ...video };
