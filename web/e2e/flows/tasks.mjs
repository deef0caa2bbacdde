// Tasks by state, one that failed with its reason, running it again, and how many end in a minute.
import assert from 'node:assert/strict';
import { broken, seed, slope } from '../pictures.mjs';

const stateOf = async (url, id) => (await (await fetch(`${url}/v1/tasks/${id}`)).json()).state;

export default async function flow(stage) {
  const { url } = stage;
  const page = await stage.open();
  await page.goto(`${url}/tasks`);
  await page.getByRole('heading', { name: 'No task of this kind' }).waitFor();
  await page.getByText('0 finished in the last minute').waitFor();
  await stage.check(page, 'no tasks');

  const [failed] = await seed(url, [broken(1), ...Array.from({ length: 12 }, (_, i) => slope(i))]);
  const list = page.getByRole('list', { name: 'Tasks' }).getByRole('listitem');
  await page.waitForFunction(() => document.querySelectorAll('ul[aria-label=Tasks] > li').length === 13);
  await page.getByText(/^[1-9]\d* finished in the last minute$/).waitFor();
  assert.ok((await page.locator('svg[role=img] rect').count()) > 0, 'the chart has bars');
  await stage.check(page, 'tasks');
  await page.reload(); // what ended before is known to the server
  await page.getByText(/^[1-9]\d* finished in the last minute$/).waitFor();
  const { checks } = await (await fetch(`${url}/v1/health`)).json();
  const workers = / of (\d+) busy/.exec(checks.workers?.detail ?? '')?.[1];
  if (workers) await page.getByText(`0 of ${workers} busy`, { exact: true }).waitFor();

  await page
    .getByRole('link', { name: /^Failed/ })
    .or(page.getByRole('link', { name: /^Given up/ }))
    .first()
    .waitFor();
  const state = await stateOf(url, failed.task_id);
  await page.goto(`${url}/tasks?state=${state}`);
  await list.first().waitFor();
  assert.equal(await list.count(), 1);
  assert.match(await list.innerText(), /The file is damaged: /);
  await list.getByRole('button', { name: 'Run again' }).click();
  await page.getByText('Queued again').waitFor();
  await page.waitForFunction(() => document.querySelectorAll('ul[aria-label=Tasks] > li').length === 1);
  await page.getByRole('button', { name: 'Run all again' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Run all again' }).click();
  await page.getByText('1 task queued again').waitFor();
  await list.getByText('The file is damaged', { exact: false }).waitFor();
  await list.getByRole('link', { name: 'its file' }).click();
  await page.getByRole('heading', { name: 'broken-1.png' }).waitFor();
}
