// Collections, files from other servers, webhooks, the cache: the server may talk to this machine here.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { OBAMA, OBAMA_AGAIN, photo, seed, slope } from '../pictures.mjs';

/** Another server of this machine: gives a picture, and takes calls of webhooks. */
async function neighbour() {
  const calls = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      if (request.method === 'POST') calls.push({ headers: request.headers, body: JSON.parse(body) });
      const found = request.method === 'POST' || request.url === '/picture.png';
      response.writeHead(found ? 200 : 404);
      response.end(request.method === 'GET' && found ? slope(5).buffer : undefined);
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}`, calls, close: () => server.close() };
}

async function collections(stage, page) {
  await page.goto(`${stage.url}/system/collections`);
  await page.getByRole('button', { name: 'New collection' }).click();
  const dialog = page.getByRole('dialog', { name: 'New collection' });
  await dialog.getByLabel('Name').fill('Not A Name');
  await dialog.getByRole('button', { name: 'Save' }).click();
  assert.ok(await dialog.isVisible(), 'the form knows what a name is');
  await dialog.getByLabel('Name').fill('family');
  await dialog.getByLabel('Title').fill('<b>The family</b>');
  await dialog.getByLabel('Keep for days').fill('365');
  await stage.check(page, 'new collection');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('kept for 365 days', { exact: false }).waitFor();
  await stage.check(page, 'collections');

  // A library that shows one collection adds to it.
  await page.getByRole('link', { name: '<b>The family</b>' }).click();
  await page.getByRole('heading', { name: 'Nothing fits' }).waitFor();
  await page.setInputFiles('#add-files', [slope(7)]);
  await page
    .getByRole('list', { name: 'Pictures' })
    .getByRole('link', { name: /slope-0007/ })
    .waitFor();
  const { items } = await (await fetch(`${stage.url}/v1/media?collection=family`)).json();
  assert.deepEqual(
    items.map(({ filename }) => filename),
    ['slope-0007.png'],
  );

  await page.goto(`${stage.url}/system/collections`);
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByText('With it, 1 file will be erased for good.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Collection “family” deleted').waitFor();
}

async function fromTheWeb(stage, page, other) {
  await page.goto(stage.url);
  await page.getByRole('button', { name: 'From the web' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add files from the web' });
  await dialog.getByRole('textbox').fill(`${other.url}/picture.png\n${other.url}/missing.png`);
  await dialog.getByRole('button', { name: 'Fetch' }).click();
  await dialog.getByText('taken in').waitFor();
  await dialog.getByText('The other server did not give the file', { exact: false }).waitFor();
  await stage.check(page, 'from the web');
  await dialog.getByRole('button', { name: 'Close' }).first().click();
}

async function webhooks(stage, page, other, face) {
  await page.goto(`${stage.url}/system/webhooks`);
  await page.getByRole('heading', { name: 'No webhooks' }).waitFor();
  await page.getByRole('button', { name: 'New webhook' }).click();
  const dialog = page.getByRole('dialog', { name: 'New webhook' });
  await dialog.getByLabel('Address').fill(`${other.url}/hook`);
  await dialog.getByLabel('A watched face appears').check();
  const save = dialog.getByRole('button', { name: 'Save' });
  await save.click();
  await dialog.getByRole('alert').filter({ hasText: 'Name at least one face' }).waitFor();
  await dialog.getByLabel('Watched faces').fill(`${stage.url}/search?face=${face}\n${face} much`);
  await save.click();
  await dialog
    .getByRole('alert')
    .filter({ hasText: `Line 2 cannot be read: ${face} much` })
    .waitFor();
  await dialog.getByLabel('Watched faces').fill(`${stage.url}/search?face=${face}`);
  await stage.check(page, 'new webhook');
  await save.click();
  await page.getByText('this is its secret', { exact: false }).waitFor();
  await stage.check(page, 'webhooks');

  await page.getByRole('button', { name: 'Test' }).click();
  const deliveries = page.getByRole('list', { name: 'Deliveries' });
  await deliveries.getByText('delivered').first().waitFor();
  assert.equal(other.calls.length, 1);
  await seed(stage.url, [photo(OBAMA_AGAIN)]);
  await deliveries.getByText('face.matched').waitFor();
  await deliveries.getByText('media.completed').waitFor();

  await page.getByRole('button', { name: 'Edit' }).click();
  const edit = page.getByRole('dialog', { name: 'Change webhook' });
  assert.equal(await edit.getByLabel('Watched faces').inputValue(), face);
  await edit.getByLabel('Active').uncheck();
  await edit.getByRole('button', { name: 'Save' }).click();
  await page.getByText('off', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'No webhooks' }).waitFor();
}

/** The address of the original's page, with the figures and the button it had. */
async function cache(stage, page, face) {
  for (let i = 0; i < 2; ++i) {
    await fetch(`${stage.url}/v1/search`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ face_id: face }),
    });
  }
  await page.goto(`${stage.url}/cache`);
  await page.getByRole('heading', { name: 'Figures' }).waitFor();
  const figure = async (name) =>
    Number(await page.getByText(name, { exact: true }).locator('xpath=../dd').innerText());
  assert.ok((await figure('hits')) >= 1);
  assert.ok((await figure('entries')) >= 1);
  await page.getByRole('button', { name: 'Clear the cache' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Clear the cache' }).click();
  await page.getByText(/entr(y|ies) cleared$/).waitFor();
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll('dt')].find((dt) => dt.textContent === 'entries')?.nextSibling
        ?.textContent === '0',
  );
}

/** Where `error.type` of an answer points. */
async function docs(stage, page) {
  const { error } = await (await fetch(`${stage.url}/v1/media/odd`)).json();
  await page.goto(stage.url + error.type);
  const entry = page.locator(`#error-${error.code}`);
  await entry.getByText('The request is not valid').waitFor();
  assert.ok(await entry.evaluate((at) => at.matches(':target')));
  await page.getByText('/v1/searches/{id}').first().click();
  await page.getByText('What is found now').waitFor();
  await stage.check(page, 'docs');
}

export default async function flow(stage) {
  const other = await neighbour();
  try {
    const [media] = await seed(stage.url, [photo(OBAMA)]);
    const { items } = await (await fetch(`${stage.url}/v1/media/${media.id}/faces`)).json();
    const page = await stage.open();
    await collections(stage, page);
    await fromTheWeb(stage, page, other);
    await webhooks(stage, page, other, items[0].id);
    await cache(stage, page, items[0].id);
    await docs(stage, page);
  } finally {
    other.close();
  }
}
