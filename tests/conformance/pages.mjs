// Pages in a real browser: PAGES is a JSON list of {name, url, texts, clicks}. Each page must come to show all of its
// texts, after a click on each of the selectors, and without an error of its scripts. Pictures go to FACET_SCREENSHOTS.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(import.meta.dirname, '../../web/package.json'));
const { chromium } = require('playwright-core');

const browser = await chromium.launch({
  executablePath: process.env.FACET_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--headless', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
});
const page = await browser.newPage({ viewport: { width: 1200, height: 720 }, reducedMotion: 'reduce' });
page.setDefaultTimeout(30_000);
const errors = [];
page.on('pageerror', (error) => errors.push(`${page.url()}: ${error}`));
for (const { name, url, texts, clicks } of JSON.parse(process.env.PAGES)) {
  await page.goto(url);
  for (const selector of clicks ?? []) await page.click(selector);
  try {
    await page.waitForFunction((wanted) => wanted.every((text) => document.body.innerText.includes(text)), texts);
  } catch (error) {
    const shown = await page.evaluate(() => document.body.innerText);
    errors.push(`${name}: of ${JSON.stringify(texts)} not all came: ${shown}`);
  }
  if (process.env.FACET_SCREENSHOTS) {
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: join(process.env.FACET_SCREENSHOTS, `${name}.png`), animations: 'disabled' });
  }
}
await browser.close();
console.log(errors.join('\n'));
process.exit(errors.length ? 1 : 0);
