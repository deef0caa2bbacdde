// Scripts in the names of files and in what pictures say of themselves: shown as text, never run.
import assert from 'node:assert/strict';
import { broken, OBAMA, OBAMA_AGAIN, photo, text, withExif } from '../pictures.mjs';

const IMAGE = '"><img src=x onerror=window.ran=1>.jpg';
const SCRIPT = "</title><script>window.ran=1</script>'.jpg";
const BROKEN = '<svg onload="window.ran=1"><iframe srcdoc="<script>parent.ran=1</script>">.png';
const REFUSED = '{{7*7}}${7*7}<b onmouseover=window.ran=1>.txt';
const PAGE = '<!doctype html><html><body onload="window.ran=1"><script>window.ran=1</script></body></html>';

/** Nothing of a name has become a part of the page. What the page's policy stops is complained of besides. */
async function assertNothingRan(page, where) {
  const found = await page.evaluate(() => ({
    ran: window.ran,
    parts: [...document.querySelectorAll('[onerror], [onload], [onmouseover], [srcdoc], img[src="x"]')].map(
      (node) => node.outerHTML,
    ),
    scripts: [...document.scripts].filter((one) => !one.src).map((one) => one.text),
  }));
  assert.deepEqual(found, { ran: undefined, parts: [], scripts: [] }, where);
}

async function added(stage, page, files) {
  await page.goto(stage.url);
  await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
  await stage.expecting([/status of 415/], async () => {
    await page.setInputFiles('#add-files', files);
    await page.getByText('4 files finished').waitFor();
  });
  const panel = page.getByRole('region', { name: 'Uploads' });
  for (const { name } of files) await panel.getByText(name, { exact: true }).waitFor();
  await assertNothingRan(page, 'uploads');
  await panel.getByRole('button', { name: 'Close' }).click();

  const tiles = page.getByRole('list', { name: 'Pictures' }).getByRole('listitem');
  for (const name of [IMAGE, SCRIPT, BROKEN]) {
    await tiles.getByText(name, { exact: true }).waitFor();
    await page.getByLabel(`Select ${name}`, { exact: true }).check();
  }
  await assertNothingRan(page, 'library');
  await page.goto(`${stage.url}/?q=${encodeURIComponent(IMAGE)}`);
  await tiles.first().waitFor();
  assert.equal(await tiles.count(), 1, 'a name is looked for as it is');
  await assertNothingRan(page, 'library, filtered');
}

async function looked(stage, page, name) {
  await page.goto(stage.url);
  await page.getByRole('link', { name }).click();
  await page.getByRole('heading', { name, exact: true }).waitFor();
  await page.getByRole('button', { name: 'Search face 1' }).waitFor();
  assert.ok((await page.title()).startsWith(name), await page.title());
  await page.getByRole('img', { name, exact: true }).waitFor();
  await assertNothingRan(page, `media page of ${name}`);
}

async function found(page) {
  await page.getByRole('button', { name: 'Search face 1' }).click();
  const results = page.getByRole('list', { name: /^Results/ });
  await results.getByText(IMAGE, { exact: true }).waitFor();
  await assertNothingRan(page, 'results');
  await page.goto(new URL('/search', page.url()).href);
  await page.setInputFiles('#search-photo', [withExif(photo(OBAMA, SCRIPT), PAGE)]);
  await page.getByAltText(`The picture searched with: ${SCRIPT}`).waitFor();
  await results.getByText(SCRIPT, { exact: true }).waitFor();
  await assertNothingRan(page, 'results of a picture');
}

async function failed(stage, page) {
  await page.goto(`${stage.url}/tasks`);
  const list = page.getByRole('list', { name: 'Tasks' }).getByRole('listitem');
  await list.filter({ hasText: 'The file is damaged' }).getByRole('link', { name: 'its file' }).waitFor();
  assert.equal(await list.count(), 3);
  await assertNothingRan(page, 'tasks');
  await list.filter({ hasText: 'The file is damaged' }).getByRole('link', { name: 'its file' }).click();
  await page.getByRole('heading', { name: BROKEN, exact: true }).waitFor();
  await assertNothingRan(page, 'media page of what is damaged');
  await stage.check(page, 'media of a hostile name');
}

/** The file itself, opened as a page would be, is a picture. */
async function opened(stage, page) {
  const { items } = await (await fetch(`${stage.url}/v1/media`)).json();
  const pictures = items.filter((one) => one.status === 'completed');
  assert.equal(pictures.length, 2);
  // What the browser itself puts around a picture has styles, which the policy forbids too.
  await stage.expecting([/style-src/, /favicon\.ico/], async () => {
    for (const { id, filename } of pictures) {
      await page.goto(`${stage.url}/v1/media/${id}/content`);
      assert.equal(await page.evaluate(() => document.contentType), 'image/jpeg', filename);
      await assertNothingRan(page, `content of ${filename}`);
    }
    await page.goto('about:blank');
  });
}

export default async function flow(stage) {
  const page = await stage.open();
  page.on('dialog', (dialog) => {
    stage.complaints.push(`a dialog opened: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await added(stage, page, [
    withExif(photo(OBAMA, IMAGE), PAGE),
    withExif(photo(OBAMA_AGAIN, SCRIPT), IMAGE),
    { ...broken(1), name: BROKEN },
    text(REFUSED),
  ]);
  await looked(stage, page, IMAGE);
  await looked(stage, page, SCRIPT);
  await found(page);
  await failed(stage, page);
  await opened(stage, page);
}
