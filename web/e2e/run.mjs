// The page in a real browser. FACET_URL: a running server without photos; FACET_PICTURES: a JSON list
// of two photos to upload, each of another person, one more of the first, and one of both; FACET_SCREENSHOTS:
// folder for pictures of the pages, if wanted; FACET_CHROMIUM: the browser.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { chromium } from 'playwright-core';

const url = process.env.FACET_URL;
const [first, second, query, both] = JSON.parse(process.env.FACET_PICTURES);
const shots = process.env.FACET_SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const browser = await chromium.launch({
  executablePath: process.env.FACET_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--headless',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
  ],
});
const complaints = [];

async function open(options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(url)) {
      complaints.push(`asked elsewhere: ${request.url()}`);
    }
  });
  return page;
}

/** What axe-core finds wrong; run outside the page's policy, which forbids inline code. */
async function check(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run());
  for (const { id, nodes } of found.violations) {
    complaints.push(`${name}: axe ${id}: ${nodes.map((node) => node.html).join(' ')}`);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  if (wide) complaints.push(`${name}: wider than the window`);
  if (shots) {
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(shots, `${name}.png`) });
  }
}

async function uploadAndSearch(page) {
  await page.goto(url);
  await page.getByRole('heading', { name: 'There is nothing to search yet' }).waitFor();
  await check(page, 'empty');

  await page.getByRole('navigation').getByRole('link', { name: 'Add photos' }).click();
  await page.setInputFiles('#add-files', [first, second]);
  await page.getByRole('status').filter({ hasText: '2 files finished' }).waitFor();
  await page.setInputFiles('#add-files', [
    { name: basename(first), mimeType: 'image/jpeg', buffer: readFileSync(first) },
    { name: '<b>no picture</b>.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') },
  ]);
  await page.getByText('Already in the library').waitFor();
  await page.getByText(/^Refused: /).waitFor();
  assert.ok(await page.getByText('<b>no picture</b>.txt').isVisible(), 'names are text');
  complaints.splice(0, complaints.length, ...complaints.filter((text) => !/status of 415/.test(text)));
  await check(page, 'add');

  await page.getByRole('link', { name: 'Search', exact: true }).click();
  await page.setInputFiles('#search-photo', query);
  const results = page.getByRole('list', { name: 'Results' }).getByRole('listitem');
  await results.first().waitFor();
  assert.equal(await results.count(), 1, 'only the same person, at the first threshold');
  assert.match(await results.first().innerText(), new RegExp(`Same person[^]*${basename(first)}`));
  await page.getByRole('button', { name: 'Search face 1' }).waitFor();
  await page.getByLabel('At least this alike').fill('1');
  await page.getByRole('heading', { name: 'No face is this alike' }).waitFor();
  await page.getByRole('button', { name: /^likely/ }).click();
  await results.first().waitFor();
  await page.waitForFunction(() => [...document.images].every((image) => image.complete));
  await check(page, 'search');
  return results;
}

/** Drops files on the half of the page that says what is to be done with them. */
async function drop(page, zone, path) {
  const data = await page.evaluateHandle(
    ([name, base64]) => {
      const transfer = new window.DataTransfer();
      const bytes = Uint8Array.from(window.atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new window.File([bytes], name, { type: 'image/jpeg' }));
      return transfer;
    },
    [basename(path), readFileSync(path).toString('base64')],
  );
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: data });
  await page.dispatchEvent(`[data-zone=${zone}]`, 'drop', { dataTransfer: data });
  await page.locator('[data-zone]').first().waitFor({ state: 'detached' });
}

async function chooseAmongFaces(page, results) {
  await drop(page, 'search', both);
  const found = new Set();
  for (const name of ['Search face 1', 'Search face 2']) {
    await page.getByRole('button', { name }).click();
    await page.locator('section[aria-busy=false]').waitFor();
    await page.waitForFunction(
      (label) => document.querySelector(`[aria-label="${label}"]`)?.ariaPressed === 'true',
      name,
    );
    assert.equal(await results.count(), 1, name);
    found.add(await results.first().getByRole('link').first().innerText());
  }
  assert.equal(found.size, 2, 'each face finds its own person');
  await page.waitForFunction(() => [...document.images].every((image) => image.complete));
  await check(page, 'search-both');

  await results.first().getByRole('link', { name: 'Search this face' }).click();
  await page.getByAltText('The stored face searched with').waitFor();
  await page.getByRole('heading', { name: 'No face is this alike' }).waitFor(); // it does not find itself
  await check(page, 'search-stored');
}

/** Many files at once: the server's part is played here, the page has to stay small and quick. */
async function addManyFiles() {
  const page = await open();
  await page.route('**/v1/media', (route) =>
    route.fulfill({
      json: {
        accepted: [{ duplicate: true, media: { id: 'x', status: 'completed', face_count: 0 } }],
        rejected: [],
      },
    }),
  );
  await page.goto(`${url}/add`);
  const file = { mimeType: 'image/jpeg', buffer: Buffer.from('x') };
  await page.setInputFiles(
    '#add-files',
    Array.from({ length: 800 }, (_, i) => ({ ...file, name: `${i}.jpg` })),
  );
  await page.getByRole('status').filter({ hasText: '800 files finished, 800 already there' }).waitFor();
  assert.ok((await page.getByRole('listitem').count()) < 60, 'only rows in sight are in the page');
  await page.mouse.wheel(0, 1_000_000);
  await page.getByText('799.jpg').waitFor();
  await page.context().close();
}

async function lookAround(page, results) {
  await page.setInputFiles('#search-photo', query);
  await results
    .filter({ hasText: basename(first) })
    .getByRole('link')
    .first()
    .click();
  await page.getByRole('heading', { name: basename(first) }).waitFor();
  await page.getByRole('button', { name: 'Face 1' }).waitFor();
  await page.waitForFunction(() => [...document.images].every((image) => image.complete));
  await check(page, 'photo');
  await page.goBack();
  await results.first().waitFor(); // the search is still there

  await page.getByRole('link', { name: 'Status' }).click();
  await page.getByRole('heading', { name: 'Health: healthy' }).waitFor();
  await check(page, 'status');

  await page.getByRole('link', { name: 'Library' }).click();
  const photos = page.getByRole('list', { name: 'Photos' }).getByRole('listitem');
  await page.getByLabel('Part of the file name').fill(basename(second));
  await page.waitForFunction(() => document.querySelectorAll('[role=listitem]').length === 1);
  await page.getByLabel('Part of the file name').fill('');
  await page.waitForFunction(() => document.querySelectorAll('[role=listitem]').length === 2);
  await check(page, 'library');
  await photos
    .filter({ hasText: basename(second) })
    .getByRole('link')
    .click();
  await page.getByRole('button', { name: 'Delete photo' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete photo' }).click();
  await page.waitForFunction(() => document.querySelectorAll('[role=listitem]').length === 1);
}

async function phoneInTheDark() {
  const page = await open({ viewport: { width: 375, height: 740 }, colorScheme: 'dark' });
  for (const name of ['', 'add', 'library', 'status']) {
    await page.goto(`${url}/${name}`);
    await page
      .getByText('Same person')
      .or(page.getByRole('heading', { level: 1 }))
      .first()
      .waitFor();
    await check(page, `phone-${name || 'search'}`);
  }
}

try {
  const page = await open();
  const results = await uploadAndSearch(page);
  await chooseAmongFaces(page, results);
  await lookAround(page, results);
  await addManyFiles();
  await phoneInTheDark();
  assert.deepEqual(complaints, []);
} finally {
  await browser.close();
}
