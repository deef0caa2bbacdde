// First run, login, keys, users, rights, erasure, audit. FACET_SETUP_CODE: what the server printed.
import assert from 'node:assert/strict';
import { BIDEN, BOTH, photo } from '../pictures.mjs';

const PASSWORD = 'correct horse battery';
const OTHER = 'another good password';

const withKey = (url, key) => fetch(`${url}/v1/media`, { headers: { 'x-api-key': key } });
const menu = (page) => page.getByRole('button', { name: /^Menu/ });

async function logIn(page, name, password) {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

async function firstRun(stage, page) {
  await page.goto(`${stage.url}/system/keys`);
  await page.getByRole('heading', { name: 'Welcome to Facet' }).waitFor();
  await stage.check(page, 'first run');
  await page.getByLabel('Name').fill('ada');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Password once more').fill('not the same one');
  await page.getByText('The two differ.').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Make the administrator' }).isDisabled());
  await page.getByLabel('Password once more').fill(PASSWORD);
  await page.getByLabel('Set-up code').fill('a guess');
  await page.getByRole('button', { name: 'Make the administrator' }).click();
  await page.getByRole('alert').filter({ hasText: 'This is not allowed' }).waitFor();
  await page.getByLabel('Set-up code').fill(process.env.FACET_SETUP_CODE);
  await page.getByRole('button', { name: 'Make the administrator' }).click();
  await page.getByRole('heading', { name: 'API keys' }).waitFor(); // where one wanted to go
}

async function keys(stage, page) {
  await stage.check(page, 'no keys');
  await page.getByRole('button', { name: 'New key' }).click();
  const dialog = page.getByRole('dialog', { name: 'New key' });
  await dialog.getByLabel('Name').fill('<b>backup</b>');
  await stage.check(page, 'new key');
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  await page.getByText('It is shown now and never again', { exact: false }).waitFor();
  const key = await page
    .locator('code')
    .filter({ hasText: /^facet_/ })
    .innerText();
  await stage.check(page, 'a key');
  assert.equal((await withKey(stage.url, key)).status, 200);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('Copied').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
  await page.reload();
  await page.getByText('<b>backup</b>').waitFor();
  assert.ok(!(await page.content()).includes(key), 'once only');
  await page.getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('Key “<b>backup</b>” revoked').waitFor();
  assert.equal((await withKey(stage.url, key)).status, 401);
}

async function users(stage, page) {
  await page.getByRole('link', { name: 'Access' }).click();
  await page.getByText('you', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'New user' }).click();
  const dialog = page.getByRole('dialog', { name: 'New user' });
  await dialog.getByLabel('Name').fill('grace');
  await dialog.getByLabel('New password').fill('short');
  await dialog.getByRole('button', { name: 'Save' }).click();
  assert.ok(await dialog.isVisible(), 'too short a password is not sent');
  await dialog.getByLabel('New password').fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('grace', { exact: true }).waitFor();
  await stage.check(page, 'users');
  await page.getByLabel('Rights of ada').selectOption('read');
  await page.getByText('This does not fit the present state').waitFor(); // the last administrator stays
}

async function addAndName(stage, page) {
  await page.goto(stage.url);
  await page.setInputFiles('#add-files', [photo(BOTH), photo(BIDEN)]);
  await page.getByText('2 files finished').waitFor();
  await page.getByRole('region', { name: 'Uploads' }).getByRole('button', { name: 'Close' }).click();
  await page.getByRole('link', { name: /^biden_1.jpg \d/ }).click();
  await page.getByLabel('Who is face 1?').fill('Joe');
  await page.getByLabel('Who is face 1?').press('Enter');
  await page.getByRole('link', { name: 'Joe' }).waitFor();
  const address = page.url();
  await page.getByRole('link', { name: 'Search this face' }).click();
  await page.getByText('obama_and_biden_1.jpg').first().waitFor();
  return address;
}

async function erase(stage, page) {
  await page.getByRole('link', { name: 'System' }).click();
  await page.getByRole('link', { name: 'Erasure' }).click();
  await page.getByText('Nothing was erased yet').waitFor();
  await stage.check(page, 'erasure');
  await page.getByLabel('Single faces').check();
  await page.getByLabel('Ids of faces').fill('0190a1b2-0000-4000-8000-00000000000a\nnonsense');
  await page.getByRole('button', { name: 'See what would go' }).click();
  await page.getByRole('alert').filter({ hasText: 'Line 2 cannot be read: nonsense' }).waitFor();
  await page.getByLabel('A person with all faces').check();
  await page.getByLabel('Person', { exact: true }).selectOption({ label: 'Joe (1 face)' });
  await page.getByLabel('Reason').fill('asked for on 1 May');
  await page.getByRole('button', { name: 'See what would go' }).click();
  await page.getByRole('heading', { name: 'This would go' }).waitFor();
  await stage.check(page, 'a planned erasure');
  const final = page.getByRole('button', { name: 'Erase for good' });
  await page.getByLabel('Type ERASE to confirm').fill('erase');
  assert.ok(await final.isDisabled());
  await page.getByLabel('Type ERASE to confirm').fill('ERASE');
  await final.click();
  await page.getByRole('heading', { name: 'Receipt of an erasure' }).waitFor();
  await page.getByText('asked for on 1 May').waitFor();
  assert.ok((await page.getByText('passed', { exact: true }).count()) > 0, 'checks passed');
  assert.ok(!(await page.locator('main').innerText()).includes('biden'), 'no names');
  await stage.check(page, 'receipt');
  const unfinished = page.getByText('Not complete yet: what could not be done at once');
  assert.equal(await unfinished.count(), 0);
  await page.route('**/v1/erasures/*', async (route) => {
    const receipt = await (await route.fetch()).json();
    await route.fulfill({ json: { ...receipt, complete: false } });
  });
  await page.reload();
  await unfinished.waitFor();
  await page.unroute('**/v1/erasures/*');
  await page.emulateMedia({ media: 'print' });
  assert.ok(await page.getByRole('navigation', { name: 'System' }).isHidden());
  assert.ok(await page.getByText('asked for on 1 May').isVisible());
  await page.emulateMedia({ media: null });
  const printed = page.evaluate(() => new Promise((done) => (window.print = () => done(true))));
  await page.getByRole('button', { name: 'Print' }).click();
  assert.ok(await printed);
}

async function audit(stage, page) {
  await page.getByRole('link', { name: 'Audit log' }).click();
  const rows = page.getByRole('table').getByRole('row');
  await rows.nth(5).waitFor();
  await stage.check(page, 'audit');
  await page.getByLabel('Action').fill('key.');
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
  assert.match(page.url(), /\?action=key\.$/);
  assert.match(await rows.nth(1).innerText(), /^just now|ago|now/);
  await page.getByLabel('Who').fill('nobody at all');
  await page.getByRole('heading', { name: 'No entries' }).waitFor();
}

/** What a reader sees, and does not. */
async function reader(stage) {
  const page = await stage.open();
  await page.goto(`${stage.url}/system/audit`);
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await stage.check(page, 'login');
  await logIn(page, 'grace', 'wrong password');
  await page.getByRole('alert').filter({ hasText: 'Login is needed' }).waitFor();
  await logIn(page, 'grace', PASSWORD);
  await page.getByRole('heading', { name: 'This needs more rights' }).waitFor();
  await stage.check(page, 'forbidden');
  assert.equal(await page.getByRole('link', { name: 'API keys' }).count(), 0);
  await page.getByRole('link', { name: 'Library' }).click();
  await page.getByRole('link', { name: 'obama_and_biden_1.jpg' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Add files' }).count(), 0);
  assert.equal(await page.getByRole('checkbox').count(), 0);
  await page.getByRole('link', { name: 'obama_and_biden_1.jpg' }).click();
  await page.getByRole('heading', { name: 'obama_and_biden_1.jpg' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Delete picture' }).count(), 0);

  await menu(page).click();
  await page.getByRole('button', { name: 'Change password' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change password' });
  await dialog.getByLabel('Present password').fill('wrong password');
  await dialog.getByLabel('New password').fill(OTHER);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('alert').waitFor();
  await stage.check(page, 'password refused');
  await dialog.getByLabel('Present password').fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Password changed; other sessions ended').waitFor();
  return page;
}

/** A session that ends somewhere else ends here, too, and nothing of where one was is lost. */
async function endedElsewhere(stage, page) {
  const address = page.url();
  const other = await stage.open();
  await other.goto(stage.url);
  await logIn(other, 'grace', OTHER);
  await other.getByRole('heading', { name: 'Library' }).waitFor();
  await menu(other).click();
  await other.getByRole('button', { name: 'Log out everywhere' }).click();
  await other.getByRole('heading', { name: 'Log in' }).waitFor();
  await other.context().close();
  await page.getByRole('heading', { name: 'Log in' }).waitFor(); // by itself: the counts are asked for
  await logIn(page, 'grace', OTHER);
  await page.getByRole('heading', { name: 'obama_and_biden_1.jpg' }).waitFor();
  assert.equal(page.url(), address);
  await menu(page).click();
  await page.getByRole('button', { name: 'Log out', exact: true }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  assert.ok(!(await page.content()).includes('obama'), 'nothing of it stays');
}

export default async function flow(stage) {
  await stage.expecting([/status of 40[1349]/], async () => {
    const page = await stage.open();
    await firstRun(stage, page);
    await keys(stage, page);
    await users(stage, page);
    const address = await addAndName(stage, page);
    await erase(stage, page);
    await page.goto(address);
    await page.getByRole('heading', { name: '0 faces' }).waitFor(); // of the picture, Joe's face is gone
    await page.goto(`${stage.url}/system`);
    await audit(stage, page);
    await endedElsewhere(stage, await reader(stage));
  });
}
