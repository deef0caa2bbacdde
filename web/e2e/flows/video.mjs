// A video: its player with boxes that follow, the people over time, the moment a search leads to, and formats
// that no browser plays.
import assert from 'node:assert/strict';
import { MIRANDA, photo, seed, VIDEOS } from '../pictures.mjs';

const SEEK_S = 0.2;
const BOX = 0.02; // of the picture: how far a drawn box may lie from where the path says

const json = async (url) => (await fetch(url)).json();
const player = (page) => page.locator('video');
const seconds = (page) => player(page).evaluate((video) => video.currentTime);
const near = (got, wanted, text) =>
  assert.ok(Math.abs(got - wanted) <= SEEK_S, `${text}: ${got}, not ${wanted}`);

/** Where the path has the face, in parts of the picture; what was seen last holds until the next frame. */
function placeAt(path, ms, { width, height }) {
  const points = path.filter(([[start]]) => start <= ms).at(-1) ?? path[0];
  const to = points.find(([at]) => at >= ms) ?? points.at(-1);
  const from = points.filter(([at]) => at <= ms).at(-1) ?? to;
  const share = to[0] > from[0] ? (ms - from[0]) / (to[0] - from[0]) : 0;
  const [left, top, right, bottom] = [1, 2, 3, 4].map((k) => from[k] + (to[k] - from[k]) * share);
  return { left: left / width, top: top / height, right: right / width, bottom: bottom / height };
}

/**
 * The time that the timeline shows with the boxes over the picture, read in one go; `times` of them, each at
 * another time.
 */
const drawn = (page, times) =>
  page.evaluate(async (count) => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => done()));
    const head = () => parseFloat(document.querySelector('[data-playhead]').style.left) / 100;
    const seen = [];
    for (let last = null; seen.length < count; last = head()) {
      while (head() === last) await frame();
      // The picture within its element, which may leave bars at two sides of it.
      const shown = document.querySelector('[data-screen] > :is(video, img)');
      const area = shown.getBoundingClientRect();
      const [width, height] = [
        shown.videoWidth ?? shown.naturalWidth,
        shown.videoHeight ?? shown.naturalHeight,
      ];
      const scale = Math.min(area.width / width, area.height / height);
      const left = area.left + (area.width - width * scale) / 2;
      const top = area.top + (area.height - height * scale) / 2;
      const boxes = [...document.querySelectorAll('[data-face]')].map((mark) => {
        const box = mark.getBoundingClientRect();
        const x = (value) => (value - left) / (width * scale);
        const y = (value) => (value - top) / (height * scale);
        const place = { left: x(box.left), top: y(box.top), right: x(box.right), bottom: y(box.bottom) };
        return { face: mark.dataset.face, place };
      });
      seen.push({ share: head(), boxes });
    }
    return seen;
  }, times);

/** Each box lies where its path says. */
async function boxesFollow(page, media, appearances, times = 1) {
  let checked = 0;
  for (const { share, boxes } of await drawn(page, times)) {
    const ms = Math.round(share * media.duration_ms);
    for (const { face, place } of boxes) {
      const { path } = appearances.find((one) => one.face.id === face);
      for (const [side, value] of Object.entries(placeAt(path, ms, media))) {
        assert.ok(Math.abs(place[side] - value) < BOX, `${side} at ${ms}: ${place[side]}, not ${value}`);
      }
      checked += 1;
    }
  }
  assert.ok(checked > 0, 'there are boxes');
}

const bars = (page) => page.getByRole('group', { name: 'People over time' }).getByRole('button');

async function played(stage, page, media, appearances) {
  await page.goto(`${stage.url}/media/${media.id}`);
  await page.getByRole('heading', { level: 1, name: media.filename }).waitFor();
  await page.waitForFunction(() => document.querySelector('video')?.readyState >= 1);
  await bars(page).first().waitFor();
  assert.equal(await bars(page).count(), appearances.length, 'a bar for each appearance');
  const lanes = new Set(appearances.map(({ lane }) => lane));
  const rows = page.getByRole('group', { name: 'People over time' }).getByRole('listitem');
  assert.equal(await rows.count(), lanes.size, 'a lane for each person');
  await page.getByRole('heading', { name: `${appearances.length} times on screen` }).waitFor();

  // The longest: a click on its bar shows its beginning, and the player stays paused.
  const length = ({ face: { appearance: stay } }) => stay.end_ms - stay.start_ms;
  const [longest] = [...appearances].sort((a, b) => length(b) - length(a));
  const stay = longest.face.appearance;
  const bar = page.locator(`[data-bar="${longest.face.id}"]`);
  assert.match(await bar.getAttribute('aria-label'), /^Person \d+, \d+:\d\d.* to \d+:\d\d/);
  await bar.click();
  near(await seconds(page), stay.start_ms / 1000, 'a click on a bar');
  assert.equal(await player(page).evaluate((video) => video.paused), true);
  const mark = page.locator(`[data-face="${longest.face.id}"]`);
  await mark.waitFor();
  await boxesFollow(page, media, appearances);
  for (const ratio of ['1', '4']) {
    // with bars at two sides of the picture
    await page.locator('[data-screen]').evaluate((screen, one) => (screen.style.aspectRatio = one), ratio);
    await boxesFollow(page, media, appearances);
  }
  await page
    .locator('[data-screen]')
    .evaluate((screen, one) => (screen.style.aspectRatio = one), media.width / media.height);

  // Elsewhere in the lane: there; by keyboard: back.
  const row = rows.filter({ has: bar });
  const track = await row.locator('[data-track]').boundingBox();
  const middle = (stay.start_ms + stay.end_ms) / 2 / media.duration_ms;
  await page.mouse.click(track.x + track.width * middle, track.y + 2);
  near(await seconds(page), (middle * media.duration_ms) / 1000, 'a click in the lane');
  await page.waitForFunction(() => !document.querySelector('video').seeking);
  await boxesFollow(page, media, appearances);
  await bar.focus();
  await page.keyboard.press('Enter');
  near(await seconds(page), stay.start_ms / 1000, 'Enter on a bar');

  // While it plays, the boxes go with it.
  await player(page).evaluate((video) => ((video.muted = video.loop = true), video.play()));
  await boxesFollow(page, media, appearances, 8);
  assert.equal(await player(page).evaluate((video) => video.paused), false);
  await bar.click();
  assert.equal(await player(page).evaluate((video) => video.paused), false, 'it plays on');
  await player(page).evaluate((video) => video.pause());

  // The player has the keyboard as ever.
  await player(page).focus();
  const before = await seconds(page);
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction((old) => document.querySelector('video').currentTime > old, before);
  await page.keyboard.press('Space');
  await page.waitForFunction(() => !document.querySelector('video').paused);
  await player(page).evaluate((video) => video.pause());

  // What is said of a face that is pointed at; the boxes can be put away.
  await bar.click();
  await mark.waitFor();
  const button = mark.getByRole('button');
  await button.focus();
  await mark.getByText(/^detected with \d+%/).waitFor();
  await stage.check(page, 'video');
  const boxes = page.getByLabel('Boxes over the picture');
  await boxes.uncheck();
  await mark.waitFor({ state: 'detached' });
  await boxes.check();
  return { longest, mark, bar };
}

/** A name is that of all the times of a person. */
async function named(page, { longest }) {
  const question = `Who is person ${longest.lane + 1}?`;
  await page.getByLabel(question).fill('Lin-Manuel');
  await page.getByLabel(question).press('Enter');
  await page.getByRole('link', { name: 'Lin-Manuel', exact: true }).waitFor();
  await page
    .getByRole('button', { name: /^Lin-Manuel, \d/ })
    .first()
    .waitFor();
  await page
    .getByRole('button', { name: /: show Lin-Manuel$/ })
    .first()
    .click();
}

/** From a picture to the second at which that person is seen, and back from a box. */
async function found(stage, page, media, appearances) {
  await page.goto(`${stage.url}/search`);
  await page.setInputFiles('#search-photo', [photo(MIRANDA)]);
  const results = page.getByRole('list', { name: /^Results/ }).getByRole('listitem');
  const result = results.filter({ hasText: media.filename }).first();
  const open = result.getByRole('link', { name: `Open ${media.filename}` });
  await open.waitFor();
  const address = new URL(await open.getAttribute('href'), stage.url);
  const face = appearances.find((one) => one.face.id === address.searchParams.get('face'));
  assert.equal(Number(address.searchParams.get('t')), face.face.appearance.start_ms / 1000);
  await stage.check(page, 'a video among results');

  await open.click();
  await page.waitForFunction(() => document.querySelector('video')?.currentTime > 0);
  near(await seconds(page), face.face.appearance.start_ms / 1000, 'the page of a result');
  assert.equal(await player(page).evaluate((video) => video.paused), true);
  const mark = page.locator(`[data-face="${face.face.id}"]`);
  await mark.waitFor();
  assert.equal(await mark.getByRole('button').getAttribute('aria-pressed'), 'true');

  await page.goBack();
  await result
    .getByRole('link', { name: `: play ${media.filename}` })
    .first()
    .click();
  await page.waitForFunction(() => document.querySelector('video')?.paused === false);
  await page.waitForFunction(
    (from) => document.querySelector('video').currentTime > from,
    face.face.appearance.start_ms / 1000,
  );
  await player(page).evaluate((video) => video.pause());

  await page.locator(`[data-bar="${face.face.id}"]`).click();
  await mark.getByRole('button').click();
  await page.getByAltText('The stored face searched with').waitFor();
  await page.getByRole('link', { name: 'Its video' }).waitFor();
  await page.goBack();
  await page.waitForFunction(() => document.querySelector('video')?.currentTime > 0);
  near(await seconds(page), face.face.appearance.start_ms / 1000, 'back from a search');
}

/** What no browser plays is shown frame by frame, with all the rest. */
async function frameByFrame(stage, page, media, { message }) {
  const { items } = await json(`${stage.url}/v1/media/${media.id}/appearances`);
  await page.goto(`${stage.url}/media/${media.id}`);
  const picture = page.locator('[data-screen] img');
  await picture.waitFor();
  const note = page.getByText('This browser cannot play the format.');
  assert.equal(await note.count(), message ? 1 : 0);
  if (message) await page.getByRole('link', { name: 'Download the video' }).waitFor();
  const { id, appearance: stay } = items[0].face;
  await page.locator(`[data-bar="${id}"]`).click();
  const mark = page.locator(`[data-face="${id}"]`);
  await mark.waitFor();
  assert.match(await picture.getAttribute('src'), new RegExp(`at_ms=${stay.start_ms}&`));
  await boxesFollow(page, media, items);
  const position = page.getByRole('slider', { name: 'Position' });
  near(Number(await position.inputValue()) / 1000, stay.start_ms / 1000, 'the slider');
  await position.focus();
  const before = await picture.getAttribute('src');
  await page.keyboard.press('PageUp');
  await page.waitForFunction(
    (old) => document.querySelector('[data-screen] img').getAttribute('src') !== old,
    before,
  );
  // Not decode(): it fails when the next frame is asked for meanwhile.
  await page.waitForFunction(() => {
    const image = document.querySelector('[data-screen] img');
    return image.complete && image.naturalWidth > 0;
  });
  if (message) await stage.check(page, 'frame by frame');
}

/** The events of the server from now on, by name. */
async function listen(url) {
  const names = [];
  const stop = new AbortController();
  const { body } = await fetch(`${url}/v1/events`, { signal: stop.signal });
  const read = async () => {
    for await (const part of body.pipeThrough(new TextDecoderStream())) {
      names.push(...[...part.matchAll(/^event: (.+)$/gm)].map(([, name]) => name));
    }
  };
  read().catch(() => {}); // ends with stop
  return { names, stop: () => stop.abort() };
}

/** Keeps what the bars of progress say while they are on the page. */
const watchProgress = (page) =>
  page.evaluate(() => {
    window.progress = new Set();
    new window.MutationObserver(() => {
      for (const bar of document.querySelectorAll(
        'progress[aria-label="Looking for faces in hamilton.mp4"]',
      )) {
        window.progress.add(bar.getAttribute('aria-valuetext'));
      }
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  });

export default async function flow(stage) {
  const { url } = stage;
  const page = await stage.open();
  // What was uploaded here is seen to be worked on, and to be done.
  await page.goto(url);
  const events = await listen(url);
  await watchProgress(page);
  await page.setInputFiles('#add-files', [photo(VIDEOS.h264)]);
  const tile = page
    .getByRole('list', { name: 'Pictures and videos' })
    .getByRole('link', { name: /hamilton\.mp4/ });
  await tile.waitFor();
  await tile.getByText('times on screen').waitFor({ timeout: 240_000 });
  await tile.getByText(/ 0:(09|10)$/).waitFor(); // its pictures begin late and end early
  const told = events.names.filter((name) => name === 'media.progress').length;
  events.stop();
  const progress = await page.evaluate(() => [...window.progress]);
  assert.ok(told === 0 || progress.length > 0, 'the progress that the server told is shown');
  for (const words of progress) assert.match(words, /^\d+%, 0:\d\d of 0:(09|10)$/);
  await stage.check(page, 'a video in the library');

  const [listed] = (await json(`${url}/v1/media?media_type=video`)).items;
  const { items: appearances } = await json(`${url}/v1/media/${listed.id}/appearances`);
  const shown = await played(stage, page, listed, appearances);
  await named(page, shown);
  await found(stage, page, listed, appearances);

  const [avi, gif] = await seed(url, [photo(VIDEOS.mjpeg), photo(VIDEOS.gif)], { seconds: 240 });
  for (const [made, message] of [
    [avi, true],
    [gif, false],
  ]) {
    await frameByFrame(stage, page, await json(`${url}/v1/media/${made.id}`), { message });
  }
}
