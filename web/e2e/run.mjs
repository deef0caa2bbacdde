// run.mjs FLOW: one of flows/ in a real browser. FACET_URL: a running server without media;
// FACET_TESTDATA: the test pictures; FACET_SCREENSHOTS: where the flow "shots" writes; FACET_CHROMIUM.
import assert from 'node:assert/strict';
import { launch, makeStage } from './browser.mjs';

const [name] = process.argv.slice(2);
const { default: flow } = await import(`./flows/${name}.mjs`);
const browser = await launch();
try {
  const stage = makeStage(browser, process.env.FACET_URL);
  await flow(stage);
  assert.deepEqual(stage.complaints, []);
} catch (error) {
  for (const page of browser.contexts().flatMap((context) => context.pages())) {
    console.error(`${page.url()} shows:\n${await page.innerText('body').catch(String)}`);
  }
  throw error;
} finally {
  await browser.close();
}
