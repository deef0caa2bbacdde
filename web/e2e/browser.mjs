// Chromium with an eye on what goes wrong: errors on the console, broken policy, requests elsewhere.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PHONE = { width: 360, height: 740 };

export const launch = () =>
  chromium.launch({
    executablePath: process.env.FACET_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ],
  });

/** What one flow uses; what it complains about fails it at the end. */
export function makeStage(browser, url) {
  const complaints = [];
  let expected = []; // patterns of what a flow provokes on purpose

  const complain = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) complaints.push(text);
  };

  async function open(options = {}) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      ...options,
    });
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) =>
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
      );
    });
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    page.on('filechooser', () => {}); // so that none opens before somebody waits for it
    page.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return;
      complain(`${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => complain(String(error.stack)));
    page.on('request', (request) => {
      if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(url)) {
        complain(`asked elsewhere: ${request.url()}`);
      }
    });
    return page;
  }

  async function axeFinds(page, name) {
    await page.evaluate(axe); // outside of the page's policy, which forbids inline code
    const found = await page.evaluate(() => window.axe.run());
    for (const { id, nodes } of found.violations) {
      complain(`${name}: axe ${id}: ${nodes.map((node) => node.html).join(' ')}`);
    }
  }

  /** axe-core in both themes, and no more width than the window has, on a phone too. */
  async function check(page, name) {
    const settle = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done())));
    const shown = await page.evaluate(() => document.documentElement.dataset.theme);
    for (const theme of ['dark', 'light']) {
      await page.evaluate((one) => (document.documentElement.dataset.theme = one), theme);
      await settle();
      await axeFinds(page, `${name}, ${theme}`);
    }
    const before = page.viewportSize();
    for (const size of [before, PHONE]) {
      await page.setViewportSize(size);
      await settle();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) complain(`${name}: ${wide} pixels wider than the window of ${size.width}`);
    }
    await axeFinds(page, `${name}, phone`);
    await page.setViewportSize(before);
    await page.evaluate((one) => (document.documentElement.dataset.theme = one), shown);
  }

  return {
    url,
    open,
    check,
    complaints,
    /** Runs `steps`, during which complaints of these patterns are part of the play. */
    async expecting(patterns, steps) {
      expected = patterns;
      const result = await steps();
      expected = [];
      return result;
    },
  };
}

/** Drops files ({name, type, buffer}) on the half of the page that says what is done with them. */
export async function drop(page, zone, files) {
  const data = await transfer(page, files);
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: data });
  await page.dispatchEvent(`[data-zone=${zone}]`, 'drop', { dataTransfer: data });
  await page.locator('[data-zone]').first().waitFor({ state: 'detached' });
}

/** How much of what was drawn has moved since the page was opened, up to so long from now. */
export async function shift(page, milliseconds = 300) {
  return page.evaluate(
    (wait) =>
      new Promise((done) => {
        let sum = 0;
        new window.PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => done(sum), wait);
      }),
    milliseconds,
  );
}

/** Holds a file over the page while `steps` are played. */
export async function hold(page, file, steps) {
  const data = await transfer(page, [file]);
  await page.dispatchEvent('body', 'dragenter', { dataTransfer: data });
  await page.locator('[data-zone]').first().waitFor();
  await steps();
  await page.dispatchEvent('body', 'dragleave', { dataTransfer: data });
  await page.locator('[data-zone]').first().waitFor({ state: 'detached' });
}

export async function paste(page, files) {
  const data = await transfer(page, files);
  await page.evaluate(
    (clipboardData) =>
      document.body.dispatchEvent(
        new window.ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }),
      ),
    data,
  );
}

const transfer = (page, files) =>
  page.evaluateHandle(
    (all) => {
      const made = new window.DataTransfer();
      for (const { name, type, base64 } of all) {
        const bytes = Uint8Array.from(window.atob(base64), (letter) => letter.charCodeAt(0));
        made.items.add(new window.File([bytes], name, { type }));
      }
      return made;
    },
    files.map(({ name, mimeType, buffer }) => ({ name, type: mimeType, base64: buffer.toString('base64') })),
  );
