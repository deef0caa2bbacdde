// Search each way: a picture, its second face, all of them, a stored face, a kept search, an address.
import assert from 'node:assert/strict';
import { drop, paste } from '../browser.mjs';
import { BIDEN, BOTH, OBAMA, OBAMA_AGAIN, photo, seed, slope, text } from '../pictures.mjs';

const results = (page) => page.getByRole('list', { name: /^Results/ }).getByRole('listitem');
const names = async (page) =>
  (await results(page).allInnerTexts()).map((text) => text.split('\n').find((line) => /\.\w+$/.test(line)));
const searched = (page) => page.locator('section[aria-busy=false]').waitFor();

async function byPicture(stage, page) {
  await page.goto(`${stage.url}/search`);
  await page.getByRole('heading', { name: 'Whom are you looking for?' }).waitFor();
  await stage.check(page, 'search');
  await page.setInputFiles('#search-photo', [photo(OBAMA_AGAIN)]);
  await results(page).first().waitFor();
  assert.deepEqual(await names(page), ['obama_1.jpg'], 'only the same person, at the first threshold');
  await page.getByRole('heading', { name: /^Same person/ }).waitFor();

  const slider = page.getByLabel('Least likeness');
  const shown = async () =>
    Number(/^(\d+) of/.exec(await page.getByText(/resembling faces$/).innerText())?.[1]);
  const requests = [];
  page.on('request', (request) => request.url().includes('/v1/search') && requests.push(request.url()));
  await slider.fill('1');
  await page.getByRole('heading', { name: 'No face is this alike' }).waitFor();
  assert.equal(await shown(), 0);
  await slider.fill('0');
  assert.match(page.url(), /min=0$/);
  assert.equal(await shown(), await results(page).count(), 'the count is that of what is shown');
  await page.getByRole('button', { name: 'Likely' }).click();
  assert.deepEqual(await names(page), ['obama_1.jpg']);
  assert.deepEqual(requests, [], 'the slider asks the server nothing');
  await stage.check(page, 'results');
}

/** What is below the picture stays where it is when its faces are known. */
async function keepsItsPlace(page) {
  let hold;
  const held = new Promise((done) => (hold = done));
  await page.route('**/v1/search', hold);
  await drop(page, 'search', [photo(BOTH)]);
  const search = await held;
  await page.waitForFunction(() => document.querySelector('img[alt*=obama_and_biden]')?.complete);
  const slider = page.getByLabel('Least likeness');
  const before = (await slider.boundingBox()).y;
  await search.continue();
  await page.getByRole('button', { name: 'Search all of them' }).waitFor();
  assert.equal((await slider.boundingBox()).y, before, 'nothing moves');
  await page.unroute('**/v1/search');
}

async function amongFaces(page) {
  await keepsItsPlace(page);
  const found = new Set();
  for (const name of ['Search face 1', 'Search face 2']) {
    await page.getByRole('button', { name }).click();
    await page.locator(`button[aria-label="${name}"][aria-pressed=true]`).waitFor();
    await searched(page);
    assert.equal(await results(page).count(), 1, name);
    found.add((await names(page))[0]);
  }
  assert.deepEqual([...found].sort(), ['biden_1.jpg', 'obama_1.jpg'], 'each face finds its own person');
  await page.getByRole('button', { name: 'Search all of them' }).click();
  await page.waitForFunction(() => document.querySelectorAll('ul[aria-label^=Results] > li').length === 2);
}

async function byStoredFace(stage, page) {
  await results(page)
    .filter({ hasText: 'obama_1.jpg' })
    .getByRole('link', { name: 'Search this face' })
    .click();
  await page.getByAltText('The stored face searched with').waitFor();
  await page.getByRole('heading', { name: 'No face is this alike' }).waitFor(); // it does not find itself
  assert.match(page.url(), /\/search\?face=[0-9a-f-]{36}$/);
  await stage.check(page, 'search by a stored face');
}

/** Of four pictures two are of one person; the filters narrow what is found. */
async function narrowed(stage, page) {
  await seed(stage.url, [photo(BOTH, 'both.jpg')]);
  await page.getByRole('button', { name: 'Search again' }).click();
  await results(page).first().waitFor();
  assert.deepEqual(await names(page), ['both.jpg']);
  const address = page.url();
  await page.getByText('Filters', { exact: true }).click();
  await page.getByLabel('Taken from').fill('2200-01-01');
  await page.waitForFunction(() => window.location.search.includes('taken_from'));
  await page.getByRole('heading', { name: /No face is this alike|nothing to search/ }).waitFor();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await results(page).first().waitFor();
  await deadEnd(stage, page, address);
  await page.getByLabel('Fold near-duplicates').check();
  await searched(page);
  assert.deepEqual(await names(page), ['both.jpg']);
  return address;
}

/** A filter that the server refuses can be taken away where it was set. */
async function deadEnd(stage, page, address) {
  await stage.expecting([/status of 404/], async () => {
    await page.goto(`${address}&collection=nope&min=7`);
    await page.getByRole('alert').filter({ hasText: 'There is no such thing' }).waitFor();
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await page.getByRole('heading', { name: 'No face is this alike' }).waitFor();
    assert.equal(await page.getByLabel('Least likeness').inputValue(), '1');
    await page.getByRole('button', { name: 'Likely' }).click();
    await results(page).first().waitFor();
  });
}

/** A file that is no picture: the note about it has a place of its own, and the filters stay. */
async function noPicture(stage, page) {
  await page.goto(`${stage.url}/search?min_quality=0.2`);
  await stage.expecting([/status of 415/], async () => {
    await page.setInputFiles('#search-photo', [text('notes.txt')]);
    await page.getByRole('alert').filter({ hasText: 'Not a type that Facet reads' }).waitFor();
    const note = await page.getByText('This browser cannot show the file.').boundingBox();
    const heading = await page.getByRole('heading', { level: 1 }).boundingBox();
    assert.ok(note.y >= heading.y + heading.height && note.width > 200, 'the note is readable');
    assert.match(page.url(), /\?min_quality=0\.2$/);
    await stage.check(page, 'search by a text');
  });
}

/** What the address names is there for whoever opens it. */
async function byAddress(stage, address, expected) {
  const page = await stage.open();
  await page.goto(address);
  await results(page).first().waitFor();
  assert.deepEqual(await names(page), expected);
  await page.context().close();
}

async function kept(stage, page) {
  await page.getByRole('button', { name: 'Save this search' }).click();
  await page.getByRole('dialog').getByLabel('Name of the search').fill('<i>the president</i>');
  await stage.check(page, 'saving a search');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/\/search\/saved\/[0-9a-f-]{36}$/);
  await page.getByText('<i>the president</i>').waitFor();
  await results(page).first().waitFor();
  await stage.check(page, 'a kept search');
  await byAddress(stage, page.url(), await names(page));
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Search' }).click();
  const saved = page.getByRole('region', { name: 'Saved searches' });
  await saved
    .or(page.getByRole('list', { name: /^Results/ }))
    .first()
    .waitFor();
}

async function byCamera(stage, page) {
  await page.getByRole('button', { name: 'Camera' }).click();
  const dialog = page.getByRole('dialog', { name: 'Take a picture' });
  await dialog.locator('button:enabled', { hasText: 'Search with this' }).waitFor();
  await stage.check(page, 'camera');
  await stage.expecting([/status of 422/], async () => {
    await dialog.getByRole('button', { name: 'Search with this' }).click(); // a test card has no face
    await page.getByRole('alert').filter({ hasText: 'No face was found' }).waitFor();
    await page.getByAltText('The picture searched with: camera.jpg').waitFor();
  });
  await stage.check(page, 'search without a face');

  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new window.DOMException('', 'NotFoundError'));
  });
  await page.getByRole('button', { name: 'Camera' }).click();
  await dialog.getByText('No camera was found.').waitFor();
  await dialog.getByText('A picture file can be chosen instead.').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).first().click();
}

export default async function flow(stage) {
  const page = await stage.open();
  await page.goto(`${stage.url}/search`);
  await page.getByRole('heading', { name: 'There is nothing to search yet' }).waitFor();
  await stage.check(page, 'search of nothing');
  await seed(stage.url, [photo(OBAMA), photo(BIDEN), slope(1)]);

  await byPicture(stage, page);
  await amongFaces(page);
  await byStoredFace(stage, page);
  const address = await narrowed(stage, page);
  await byAddress(stage, address, ['both.jpg']);
  await kept(stage, page);
  await page.goto(`${stage.url}/search`);
  await page.getByRole('heading', { name: 'Whom are you looking for?' }).waitFor();
  await paste(page, [photo(BIDEN)]);
  await results(page).first().waitFor();
  assert.deepEqual((await names(page)).sort(), ['biden_1.jpg', 'both.jpg']);
  await byCamera(stage, page);
  await noPicture(stage, page);
}
