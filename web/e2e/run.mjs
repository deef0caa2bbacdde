// The page in a real browser. FACET_URL: a running server without photos; FACET_PICTURES: a JSON list
// of two photos to upload, each of another person, and one more of the first; FACET_SCREENSHOTS:
// folder for pictures of the pages, if wanted; FACET_CHROMIUM: the browser.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { chromium } from 'playwright-core';

const url = process.env.FACET_URL;
const [first, second, query] = JSON.parse(process.env.FACET_PICTURES);
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
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) });
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

async function lookAround(page, results) {
  await results.first().getByRole('link').first().click();
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
  await lookAround(page, results);
  await phoneInTheDark();
  assert.deepEqual(complaints, []);
} finally {
  await browser.close();
}
