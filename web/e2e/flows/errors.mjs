// What the page says when something is wrong, and how one gets on from there.
import assert from 'node:assert/strict';
import { shift } from '../browser.mjs';
import { OBAMA, photo, seed, slope } from '../pictures.mjs';

const NOBODY = '0190a1b2-0000-4000-8000-000000000000';

async function notThere(stage) {
  const page = await stage.open();
  await page.goto(`${stage.url}/nowhere`);
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await stage.check(page, 'no such page');
  await stage.expecting([/status of 40[04]/], async () => {
    for (const path of [`media/${NOBODY}`, `search?face=${NOBODY}`, `search/saved/${NOBODY}`]) {
      await page.goto(`${stage.url}/${path}`);
      const alert = page.getByRole('alert').first();
      await alert.getByText('There is no such thing (any more)').waitFor();
      await alert.getByText(/^Request [0-9a-f-]{36}$/).waitFor();
      assert.equal(await alert.getByRole('button').count(), 0, 'to ask again would give the same');
    }
    await stage.check(page, 'an error');
    await page.goto(`${stage.url}/media/odd`);
    await page.getByRole('alert').waitFor();
  });
  await page.context().close();
}

/** The server is gone in the middle of everything, and comes back. */
async function gone(stage) {
  const page = await stage.open();
  await page.goto(stage.url);
  await page.getByRole('link', { name: 'obama_1.jpg' }).waitFor();
  await page.getByRole('link', { name: 'Search' }).click();
  await page.getByRole('link', { name: 'Library' }).click();
  await stage.expecting([/ERR_INTERNET_DISCONNECTED/, /dynamically imported module/], async () => {
    await page.context().setOffline(true);
    await page.setInputFiles('#add-files', [slope(1)]);
    const panel = page.getByRole('region', { name: 'Uploads' });
    await panel.getByText('Failed: The server cannot be reached').waitFor();
    await page.getByLabel('Part of the file name').fill('obama');
    const alert = page.getByRole('alert').filter({ hasText: 'The server cannot be reached' });
    await alert.waitFor();
    await stage.check(page, 'server gone');
    await page.getByRole('link', { name: 'Tasks' }).click(); // its code was not loaded yet
    await page.getByRole('heading', { name: 'This page broke' }).waitFor();
    await page.goBack();
    await alert.waitFor();
    await page.context().setOffline(false);
    await alert.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('link', { name: 'obama_1.jpg' }).waitFor();
    await panel.getByRole('button', { name: 'Send slope-0001.png again' }).click();
    await panel.getByText('No face found').waitFor();
  });
  await page.context().close();
}

/** Deleted by somebody else while it is looked at. */
async function deletedMeanwhile(stage, media) {
  const page = await stage.open();
  await page.goto(`${stage.url}/media/${media.id}`);
  await page.getByRole('button', { name: 'Delete picture' }).click();
  await fetch(`${stage.url}/v1/media/${media.id}`, { method: 'DELETE' });
  await stage.expecting([/status of 404/], async () => {
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('status').getByText('There is no such thing (any more)').waitFor();
  });
  await page.context().close();
}

/** The stream of events is refused: the lists are read again instead. */
async function withoutEvents(stage) {
  const page = await stage.open();
  await stage.expecting([/status of 403/], async () => {
    await page.route('**/v1/events', (route) => route.fulfill({ status: 403, json: {} }));
    await page.goto(stage.url);
    await page.getByRole('list', { name: 'Pictures' }).waitFor();
    await seed(stage.url, [slope(77)]);
    await page.getByRole('link', { name: 'slope-0077.png' }).waitFor();
  });
  await page.context().close();
}

/** What is not known is not told as nothing. */
async function noAnswers(stage) {
  const page = await stage.open();
  await stage.expecting([/status of 500/], async () => {
    await page.route(/\/v1\/(stats|tasks|searches|people|collections)/, (route) =>
      route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'broken' } } }),
    );
    const alerts = page.getByRole('alert').filter({ hasText: 'The server made an error' });
    await page.goto(`${stage.url}/tasks`);
    await alerts.nth(2).waitFor(); // throughput, workers, list
    assert.equal(await page.getByText(/finished in the last minute|Nothing is running/).count(), 0);
    await page.goto(`${stage.url}/search`);
    await page.getByRole('region', { name: 'Saved searches' }).getByRole('alert').waitFor();
    assert.equal(await page.getByText(/among \d/).count(), 0);
    await stage.check(page, 'no answers');
    await page.goto(`${stage.url}/system/erasure`);
    await alerts.first().waitFor();
    assert.equal(await page.getByLabel('Person', { exact: true }).count(), 0);
  });
  await page.context().close();
}

const SLOW = [300, 1050, 550, 800]; // milliseconds that answers are late by, in turn
const ALL_THERE = 3500;

/** When answers come late and out of order, what is drawn first stays where it is. */
async function lateAnswers(stage, paths) {
  for (const viewport of [
    { width: 1280, height: 800 },
    { width: 375, height: 812 },
  ]) {
    const page = await stage.open({ viewport });
    let asked = 0;
    await page.route(/\/v1\/(?!events|session)/, async (route) => {
      await new Promise((done) => setTimeout(done, SLOW[(asked += 1) % SLOW.length]));
      await route.continue().catch(() => {}); // the page is gone
    });
    for (const path of paths) {
      await page.goto(stage.url + path);
      const moved = await shift(page, ALL_THERE);
      assert.ok(moved < 0.1, `${path}, ${viewport.width} wide, late answers: layout moved by ${moved}`);
    }
    await page.context().close();
  }
}

export default async function flow(stage) {
  const [obama] = await seed(stage.url, [photo(OBAMA)]);
  await notThere(stage);
  await gone(stage);
  await noAnswers(stage);
  const [face] = (await (await fetch(`${stage.url}/v1/media/${obama.id}/faces`)).json()).items;
  await lateAnswers(stage, [
    '/system',
    '/system/settings',
    '/tasks',
    `/search?face=${face.id}`,
    `/media/${obama.id}`,
  ]);
  await withoutEvents(stage);
  await deletedMeanwhile(stage, obama);
}
