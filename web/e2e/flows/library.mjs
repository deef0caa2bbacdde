// From an empty library to 200 files: live progress, refusals, filters, selection, deletion.
import assert from 'node:assert/strict';
import { drop, paste } from '../browser.mjs';
import { BIDEN, broken, OBAMA, padded, photo, slope, text } from '../pictures.mjs';

const tiles = (page) => page.getByRole('list', { name: 'Pictures' }).getByRole('listitem');
const panel = (page) => page.getByRole('region', { name: 'Uploads' });
const tileCount = (page, n) =>
  page.waitForFunction(
    (want) => document.querySelectorAll('[role=list][aria-label^=Pictures] [role=listitem]').length === want,
    n,
  );

/** Time until the library has said what it has: the first of some that is not held up by others. */
async function firstView({ open, url }) {
  const took = [];
  while (took.length < 20 && !took.some((ms) => ms < 1000)) {
    const page = await open();
    await page.goto(url);
    await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
    const drawn = await page.evaluate(
      () =>
        new Promise((done) => {
          new window.PerformanceObserver((list) => done(list.getEntries().at(-1).startTime)).observe({
            type: 'largest-contentful-paint',
            buffered: true,
          });
        }),
    );
    took.push(Math.round(drawn));
    await page.context().close();
  }
  console.log(`first view after ${took.at(-1)} ms`);
  assert.ok(took.at(-1) < 1000, `first view within a second, was ${took}`);
}

/** Two hundred files at once: with faces and without, twice the same, text, damaged. */
async function manyFiles(stage, page) {
  const files = [
    photo(OBAMA),
    photo(BIDEN),
    ...Array.from({ length: 188 }, (_, i) => slope(i)),
    { ...slope(1), name: 'again-1.png' },
    { ...slope(2), name: 'again-2.png' },
    { ...slope(3), name: 'again-3.png' },
    text('<b>no picture</b>.txt'),
    text('notes.txt'),
    text('letter.txt'),
    broken(1),
    broken(2),
    slope(1000),
    slope(1001),
  ];
  assert.equal(files.length, 200);
  const seen = [];
  await stage.expecting([/status of 415/], async () => {
    await page.setInputFiles('#add-files', files);
    const status = panel(page).getByRole('status');
    for (;;) {
      const said = await status.innerText();
      if (said !== seen.at(-1)) seen.push(said);
      if (said === '200 files finished') break;
      await page.waitForTimeout(100);
    }
  });
  const steps = seen.map((said) => Number(/^(\d+) of 200 finished$/.exec(said)?.[1] ?? 200));
  assert.ok(steps.length > 10, `progress was live: ${seen}`);
  assert.deepEqual(
    steps,
    [...steps].sort((a, b) => a - b),
    'and never went back',
  );
  await panel(page).getByText('3 already there, 5 refused or failed').waitFor();
  assert.ok((await panel(page).getByRole('listitem').count()) < 60, 'only rows in sight are in the page');

  await panel(page).getByLabel('Only refused or failed').check();
  const rows = panel(page).getByRole('listitem');
  await page.waitForFunction(() => document.querySelector('[aria-setsize]')?.ariaSetSize === '5');
  const reasons = (await rows.allInnerTexts()).join('\n');
  assert.ok(reasons.includes('<b>no picture</b>.txt'), 'names are text');
  assert.equal(reasons.match(/Refused: Not a type that Facet reads/g)?.length, 3, reasons);
  assert.equal(reasons.match(/Failed: The file is damaged/g)?.length, 2, reasons);
  assert.match(reasons, /Request [0-9a-f-]{36}/, 'refusals name the request');
  await stage.check(page, 'library with uploads');
  await panel(page).getByRole('button', { name: 'Close' }).click();
  await panel(page).waitFor({ state: 'detached' });
}

/** A slow line: progress and speed of one file, cancelling it, sending it again. */
async function slowLine(page) {
  const network = await page.context().newCDPSession(page);
  const line = (uploadThroughput) =>
    network.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput,
    });
  await line(200_000);
  await page.setInputFiles('#add-files', [padded(1, 3_000_000)]);
  await panel(page)
    .getByText(/^Sending, [1-9]\d?%, \d+ kB\/s$/)
    .waitFor();
  await panel(page).getByRole('progressbar', { name: 'padded-1.png sent' }).waitFor();
  await panel(page).getByRole('button', { name: 'Cancel padded-1.png' }).click();
  await panel(page).getByText('Cancelled', { exact: true }).waitFor();
  await line(-1);
  await panel(page).getByRole('button', { name: 'Send padded-1.png again' }).click();
  await panel(page).getByText('No face found').waitFor();
  await panel(page).getByRole('button', { name: 'Close' }).click();
}

async function everyWayIn(page) {
  const pictures = Array.from({ length: 3 }, (_, i) => slope(2000 + i));
  await drop(page, 'add', [pictures[0]]);
  await panel(page).getByText('1 file finished').waitFor();
  await paste(page, [pictures[1]]);
  await panel(page).getByText('2 files finished').waitFor();
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('u')]);
  await chooser.setFiles([pictures[2]]);
  await panel(page).getByText('3 files finished').waitFor();
  await panel(page).getByRole('button', { name: 'Close' }).click();
}

async function filters(stage, page) {
  const { url } = stage;
  await page.goto(url);
  await tiles(page).first().waitFor();
  assert.ok((await tiles(page).count()) < 80, 'only tiles in sight are in the page');
  await page.getByLabel('Status').selectOption('failed');
  await tileCount(page, 2);
  assert.match(page.url(), /\?status=failed$/);
  await page.reload();
  await tileCount(page, 2); // the address holds the filter
  await page.getByLabel('Order').selectOption('name');
  assert.match(await tiles(page).first().innerText(), /^broken-1.png/);
  await page.getByLabel('Order').selectOption('-name');
  await page.waitForFunction(() =>
    document.querySelector('[role=listitem]')?.textContent?.startsWith('broken-2.png'),
  );
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByLabel('Part of the file name').fill('OBAMA');
  await tileCount(page, 1);
  await page.getByRole('button', { name: 'More filters' }).click();
  await page.getByLabel('Taken from').fill('2200-01-01');
  await page.getByRole('heading', { name: 'Nothing fits' }).waitFor();
  await stage.check(page, 'library, nothing fits');
  await page.getByRole('button', { name: 'Clear filters' }).first().click();
  await tiles(page).first().waitFor();
  // To the end of all pages.
  await page.getByLabel('Order').selectOption('created_at');
  const last = page.getByText('slope-2002.png');
  for (let i = 0; i < 60 && !(await last.isVisible()); ++i) {
    await page.mouse.wheel(0, 3000);
    await page.waitForTimeout(200);
  }
  await last.waitFor();
}

async function deleteSome(stage, page) {
  await page.goto(`${stage.url}/?q=slope-00&sort=name`);
  const total = async () => (await (await fetch(`${stage.url}/v1/stats`)).json()).media.total;
  const before = await total();
  await tiles(page).first().waitFor();
  await page.getByLabel('Select slope-0000.png').check();
  await page.getByLabel('Select slope-0004.png').click({ modifiers: ['Shift'] });
  const bar = page.getByRole('region', { name: 'Selection' });
  await bar.getByText('5 selected').waitFor();
  await stage.check(page, 'library with a selection');
  await page.getByRole('link', { name: 'slope-0005.png' }).focus();
  await page.keyboard.press(' ');
  await bar.getByText('6 selected').waitFor();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowUp');
  assert.match(await page.evaluate(() => document.activeElement?.textContent ?? ''), /^slope-0005/);
  await bar.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog', { name: 'Delete 6 files?' }).getByRole('button', { name: 'Delete' }).click();
  await page.getByText('6 files deleted').waitFor();
  await page.getByText('slope-0000.png').waitFor({ state: 'detached' });
  assert.equal(await total(), before - 6);
}

/** What happens elsewhere shows by itself. */
async function live(stage, page) {
  await page.goto(`${stage.url}/`);
  await tiles(page).first().waitFor();
  const form = new FormData();
  const { name, buffer } = slope(3000);
  form.set('file', new Blob([buffer]), name);
  const sent = await (await fetch(`${stage.url}/v1/media`, { method: 'POST', body: form })).json();
  await tiles(page).filter({ hasText: 'slope-3000.png' }).filter({ hasText: 'no face' }).waitFor();
  await fetch(`${stage.url}/v1/media/${sent.accepted[0].media.id}`, { method: 'DELETE' });
  await page.getByText('slope-3000.png').waitFor({ state: 'detached' });
}

export default async function flow(stage) {
  await firstView(stage);
  const page = await stage.open();
  await page.goto(stage.url);
  await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
  await stage.check(page, 'empty library');
  await manyFiles(stage, page);
  await slowLine(page);
  await everyWayIn(page);
  await filters(stage, page);
  await deleteSome(stage, page);
  await live(stage, page);
}
