// Every page in both languages and both colours, at the size of a desk and of a phone.
import assert from 'node:assert/strict';
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

/** Nothing that is drawn moves once it is there. */
async function shift(page) {
  return page.evaluate(
    () =>
      new Promise((done) => {
        let sum = 0;
        new window.PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => done(sum), 300);
      }),
  );
}

export default async function flow(stage) {
  const [both] = await seed(stage.url, [photo(BOTH), slope(1), slope(2)]);
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
}
