// The pictures of the documentation. Only what is in the public domain may be in them: portraits, and a video of the
// White House.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BIDEN, BOTH, broken, OBAMA, OBAMA_AGAIN, photo, seed, VIDEOS } from '../pictures.mjs';

const FREE = [
  OBAMA,
  'people/obama_partial_1.jpg',
  BIDEN,
  'formats/hopper.jpg',
  'groups/gauss.png',
  'groups/newton.png',
  'groups/solvay_conference_1927.png',
  BOTH,
];

export default async function flow({ open, url }) {
  const folder = process.env.FACET_SCREENSHOTS;
  mkdirSync(folder, { recursive: true });
  const page = await open({ reducedMotion: 'reduce' });
  const shoot = async (name) => {
    await page.mouse.move(0, 400);
    await page.evaluate(() => document.activeElement?.blur());
    await page.waitForFunction(() =>
      [...document.images].every(
        (image) => image.complete || image.getBoundingClientRect().top > window.innerHeight,
      ),
    );
    await page.screenshot({ path: join(folder, `${name}.png`) });
  };

  await page.goto(`${url}/tasks`);
  await page.getByText('0 finished in the last minute').waitFor();
  const made = await seed(url, [...FREE.map((path) => photo(path)), broken(1)]);
  const damaged = made.pop();
  await page.getByText(/^[1-9]\d* finished in the last minute$/).waitFor();
  await page.getByText('running', { exact: true }).waitFor({ state: 'detached' });
  await shoot('tasks');
  await fetch(`${url}/v1/media/${damaged.id}`, { method: 'DELETE' });

  await page.getByRole('link', { name: 'Library' }).click();
  await page.getByRole('link', { name: /obama_1.jpg/ }).waitFor();
  await shoot('library');

  await page.goto(`${url}/media/${made.at(-1).id}`);
  await page.getByLabel('Who is face 1?').fill('Joe Biden');
  await page.getByLabel('Who is face 1?').press('Enter');
  await page.getByRole('link', { name: 'Joe Biden' }).waitFor();
  await page.getByRole('button', { name: 'Search face 2' }).focus();
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(folder, 'media.png') });

  await page.getByRole('link', { name: 'Search', exact: true }).click();
  await page.setInputFiles('#search-photo', [photo(OBAMA_AGAIN)]);
  await page
    .getByRole('list', { name: /^Results/ })
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Weak resemblance' }).click();
  await page.waitForTimeout(500);
  await shoot('search');

  const [video] = await seed(url, [photo(VIDEOS.h264)]);
  await page.goto(`${url}/media/${video.id}?t=4`);
  await page.locator('[data-face]').first().waitFor();
  await page.waitForFunction(() => document.querySelector('video').readyState === 4);
  await page.waitForTimeout(1000); // for the player's sign of loading to fade
  await shoot('video');

  await page.getByRole('link', { name: 'System' }).click();
  await page.getByRole('heading', { name: 'Health: healthy' }).waitFor();
  await shoot('system');
}
