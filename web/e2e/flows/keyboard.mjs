// Everything by keyboard alone: the mouse is never used.
import assert from 'node:assert/strict';
import { OBAMA, OBAMA_AGAIN, photo, seed } from '../pictures.mjs';

const focused = (page) =>
  page.evaluate(() => {
    const at = document.activeElement;
    return at?.getAttribute('aria-label') ?? at?.labels?.[0]?.textContent ?? at?.textContent?.trim() ?? '';
  });

/** Tab until the wanted element has the focus; every stop shows that it has it. */
async function tabTo(page, wanted, key = 'Tab') {
  for (let i = 0; i < 60; ++i) {
    await page.keyboard.press(key);
    const seen = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return true;
      const { outlineStyle, outlineWidth } = window.getComputedStyle(at);
      return outlineStyle !== 'none' && parseFloat(outlineWidth) > 0;
    });
    assert.ok(seen, `the focus is seen on "${await focused(page)}"`);
    if (wanted.test(await focused(page))) return;
  }
  assert.fail(`no way by ${key} to ${wanted}`);
}

export default async function flow(stage) {
  await seed(stage.url, [photo(OBAMA)]);
  const page = await stage.open();
  await page.goto(stage.url);
  await page.getByRole('link', { name: 'obama_1.jpg' }).waitFor();

  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'Library');

  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await stage.check(page, 'help');
  await page.keyboard.press('g'); // belongs to the dialog now
  await page.keyboard.press('t');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(new URL(page.url()).pathname, '/');

  for (const [keys, heading] of [
    ['gt', 'Tasks'],
    ['gy', 'System'],
    ['gs', 'Search'],
    ['gl', 'Library'],
    ['/', 'Search'],
  ]) {
    for (const key of keys) await page.keyboard.press(key);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    await page.waitForFunction((name) => document.activeElement?.textContent === name, heading);
    assert.equal(await page.title(), `${heading} – Facet`);
  }

  // A search: choose, read the results, open one, search its face, go back.
  await tabTo(page, /^Choose a picture$/);
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
  await chooser.setFiles([photo(OBAMA_AGAIN)]);
  await page.getByRole('list', { name: /^Results/ }).waitFor();
  await tabTo(page, /^Least likeness$/);
  const before = await page.getByLabel('Least likeness').inputValue();
  await page.keyboard.press('ArrowLeft');
  assert.notEqual(await page.getByLabel('Least likeness').inputValue(), before);
  await tabTo(page, /^Open obama_1.jpg$/);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'obama_1.jpg' }).waitFor();
  await tabTo(page, /^Search face 1$/);
  await page.keyboard.press('Enter');
  await page.getByAltText('The stored face searched with').waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'obama_1.jpg' }).waitFor();

  // Typing is typing: no shortcut fires in a field.
  await page.keyboard.press('g');
  await page.keyboard.press('l');
  await tabTo(page, /^Part of the file name$/);
  await page.keyboard.type('g/s?u');
  assert.equal(await page.getByLabel('Part of the file name').inputValue(), 'g/s?u');
  await page.getByRole('heading', { name: 'Nothing fits' }).waitFor();
  await tabTo(page, /^Clear filters$/);
  await page.keyboard.press('Enter');

  // Colours and language from the menu; deletion, cancelled and done.
  await tabTo(page, /^Menu/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  await tabTo(page, /^As the system$/);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
  await page.keyboard.press('Escape');
  assert.match(await focused(page), /^Menu/);
  await tabTo(page, /^obama_1.jpg/);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'obama_1.jpg' }).waitFor();
  await page.goBack();
  await page.waitForFunction(() => /^obama_1.jpg/.test(document.activeElement?.textContent ?? ''));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'obama_1.jpg' }).waitFor();
  await tabTo(page, /^Delete picture$/);
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'Keep', 'the harmless one has the focus');
  await page.keyboard.press('Escape');
  assert.equal(await focused(page), 'Delete picture', 'and it goes back to where it was');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByText('1 file deleted').waitFor();
  await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
}
