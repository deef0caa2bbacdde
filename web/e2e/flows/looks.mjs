// Every page in both languages and both colours, at the size of a desk and of a phone.
import assert from 'node:assert/strict';
import { hold, shift } from '../browser.mjs';
import { BOTH, photo, seed, slope } from '../pictures.mjs';

const PAGES = {
  en: [
    ['/', 'Library'],
    ['/search', 'Search'],
    ['/tasks', 'Tasks'],
    ['/system', 'System'],
    ['/system/collections', 'Collections'],
    ['/cache', 'Cache'],
    ['/system/access', 'Access'],
    ['/system/keys', 'API keys'],
    ['/system/audit', 'Audit log'],
    ['/system/erasure', 'Erasure'],
    ['/system/settings', 'Settings'],
    ['/docs', 'HTTP API'],
  ],
  de: [
    ['/', 'Bibliothek'],
    ['/search', 'Suche'],
    ['/tasks', 'Aufgaben'],
    ['/system', 'System'],
    ['/system/collections', 'Sammlungen'],
    ['/cache', 'Zwischenspeicher'],
    ['/system/access', 'Zugang'],
    ['/system/keys', 'API-Schlüssel'],
    ['/system/audit', 'Protokoll'],
    ['/system/erasure', 'Löschung'],
    ['/system/settings', 'Einstellungen'],
    ['/docs', 'HTTP-API'],
  ],
};

/** A name as long as the server takes, without a place to break it. */
const LONG = 'x'.repeat(200);

const make = async (url, method, body) => {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${url}: ${answer.status}`);
  return answer.json();
};

/** A face of the picture with a long name, and a search by it that is kept under one. */
async function longNames({ url }, media) {
  const [face] = (await (await fetch(`${url}/v1/media/${media.id}/faces`)).json()).items;
  const person = await make(`${url}/v1/people`, 'POST', { name: LONG });
  await make(`${url}/v1/faces/${face.id}`, 'PATCH', { person_id: person.id });
  await make(`${url}/v1/search`, 'POST', { face_id: face.id, threshold: 0, save_as: LONG });
  return face;
}

export default async function flow(stage) {
  const [both] = await seed(stage.url, [photo(BOTH), slope(1), slope(2)]);
  const face = await longNames(stage, both);
  for (const [language, pages] of Object.entries(PAGES)) {
    const page = await stage.open({ locale: { en: 'en-GB', de: 'de-DE' }[language] });
    for (const [path, heading] of [...pages, [`/media/${both.id}`, 'obama_and_biden_1.jpg']]) {
      await page.goto(stage.url + path);
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
      await page.getByRole('status', { name: /Loading|geladen/ }).waitFor({ state: 'detached' });
      assert.equal(await page.title(), `${heading} – Facet`);
      assert.equal(await page.locator('html').getAttribute('lang'), language);
      const moved = await shift(page);
      assert.ok(moved < 0.1, `${path}: layout moved by ${moved}`);
      await stage.check(page, `${language} ${path}`);
    }
    if (language === 'de') {
      // which has the longer words
      await page.goto(`${stage.url}/search?face=${face.id}&min=0`);
      await page.locator('section[aria-busy=false]').waitFor();
      await stage.check(page, 'de search');
      await hold(page, slope(1), () => stage.check(page, 'a file held over the page'));
    }
    await page.context().close();
  }

  // The choices hold over a reload, whatever browser and system prefer.
  const page = await stage.open({
    colorScheme: 'light',
    locale: 'de-DE',
    viewport: { width: 360, height: 740 },
  });
  await page.goto(stage.url);
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'light');
  await page.getByRole('button', { name: /^Menü/ }).click();
  await stage.check(page, 'menu');
  await page.getByLabel('Dunkel').check();
  await page.getByLabel('English').check();
  await page.getByRole('heading', { name: 'Library' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Library' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  await page.getByRole('button', { name: /^Menu/ }).click();
  await page.getByLabel('As the system').check();
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'light');

  // On a phone the row of the system's pages shows where one is.
  await page.goto(`${stage.url}/system/settings`);
  const row = page.getByRole('navigation', { name: 'System' });
  await page.waitForFunction(() => document.querySelector('.scroll-row[data-before]'));
  const { x, width } = await row.getByRole('link', { name: 'Settings' }).boundingBox();
  assert.ok(x >= 0 && x + width <= 360, 'the current page of the system is in sight');
}
