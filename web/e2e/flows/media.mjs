// One picture: its faces as boxes, what is said of them, names, deletion.
import assert from 'node:assert/strict';
import { BIDEN, BOTH, broken, photo, seed } from '../pictures.mjs';

export default async function flow(stage) {
  const { url } = stage;
  const [both, damaged] = await seed(url, [photo(BOTH), broken(1), photo(BIDEN)]);
  const page = await stage.open();
  await page.goto(`${url}/media/${both.id}`);
  await page.getByRole('heading', { name: 'obama_and_biden_1.jpg' }).waitFor();
  const box = page.getByRole('button', { name: 'Search face 2' });
  await box.waitFor();

  // The boxes lie on the picture, where the server says, before and after it is loaded.
  const picture = await page.getByRole('img', { name: 'obama_and_biden_1.jpg' }).boundingBox();
  const { items: faces } = await (await fetch(`${url}/v1/media/${both.id}/faces`)).json();
  const { left, width } = faces[1].box.normalized;
  const place = await box.boundingBox();
  assert.ok(Math.abs(place.x + place.width / 2 - picture.x - (left + width / 2) * picture.width) < 4);

  const note = page.getByText(/^detected with \d+%, quality \d+%$/);
  assert.equal(await note.filter({ visible: true }).count(), 2, 'in the list only');
  await box.hover();
  assert.equal(await note.filter({ visible: true }).count(), 3, 'and at the box that is pointed at');
  await page.mouse.move(0, 0);
  await box.focus();
  assert.equal(await note.filter({ visible: true }).count(), 3, 'or has the focus');
  await stage.check(page, 'media');

  await page.getByLabel('Who is face 1?').fill('<b>Joe</b>');
  await page.getByRole('button', { name: 'Name', exact: true }).click();
  await page.getByRole('link', { name: '<b>Joe</b>' }).waitFor();
  await page.getByLabel('Who is face 2?').fill('Barack');
  await page.getByLabel('Who is face 2?').press('Enter');
  await page.getByRole('link', { name: 'Barack' }).click();
  await page.waitForURL(/\/\?person_id=/);
  await page.getByRole('link', { name: 'obama_and_biden_1.jpg' }).waitFor();
  assert.equal(await page.getByRole('listitem').count(), 1, 'the pictures of this person');
  await page.goBack();
  await page.getByRole('button', { name: /^Not this person: <b>Joe/ }).click();
  await page.getByLabel('Who is face 1?').waitFor();

  await page.getByRole('button', { name: 'Look for faces again' }).click();
  await page.getByText('Facet looks for faces again').waitFor();
  await page.getByText('Done', { exact: true }).waitFor();
  // The faces are others now, and the page has them a moment later than the status.
  await page.locator(`img[src*="${faces[0].id}"]`).waitFor({ state: 'detached' });

  await page.getByRole('button', { name: 'Search face 1' }).click();
  await page.getByAltText('The stored face searched with').waitFor();
  await page.getByRole('link', { name: 'biden_1.jpg' }).or(page.getByText('biden_1.jpg')).first().waitFor();
  await page.getByRole('link', { name: 'Its picture' }).click();

  await page.getByRole('button', { name: 'Delete face' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete face' }).click();
  await page.getByRole('heading', { name: '1 face', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Search face 2' }).waitFor({ state: 'detached' });

  await page.goto(`${url}/media/${damaged.id}`);
  await page.getByRole('alert').filter({ hasText: 'This file could not be read' }).waitFor();
  assert.equal(await page.getByText('Taken', { exact: true }).count(), 0, 'no camera dated it');
  await stage.check(page, 'media that failed');
  await page.getByRole('button', { name: 'Delete picture' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('1 file deleted').waitFor();
  await page.waitForURL(`${url}/`);
  assert.equal((await fetch(`${url}/v1/media/${damaged.id}`)).status, 404);
}
