// A machine of one's own asks nobody; when an administrator is made, it asks everybody.
import { slope } from '../pictures.mjs';

const PASSWORD = 'correct horse battery';

export default async function flow(stage) {
  const page = await stage.open();
  await page.goto(`${stage.url}/setup`);
  await page.getByRole('heading', { name: 'Nobody needs to log in here' }).waitFor();
  await stage.check(page, 'access of an open server');
  const other = await stage.open();
  await other.goto(stage.url);
  await other.getByRole('heading', { name: 'Nothing here yet' }).waitFor();

  await stage.expecting([/status of 401/], async () => {
    await page.getByLabel('Name').fill('ada');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('Password once more').fill(PASSWORD);
    await page.getByRole('button', { name: 'Make the administrator' }).click();
    await page.getByRole('heading', { name: 'Users' }).waitFor();
    await page.getByRole('heading', { name: 'Where you are logged in' }).waitFor();
    await page.getByRole('link', { name: 'Library' }).click();
    await page.setInputFiles('#add-files', [slope(1)]); // with the token against forged requests
    await page.getByText('1 file finished').waitFor();

    await other.getByRole('heading', { name: 'Log in' }).waitFor(); // the open page notices by itself
    await other.getByLabel('Name').fill('ada');
    await other.getByLabel('Password').fill(PASSWORD);
    await other.getByRole('button', { name: 'Log in' }).click();
    await other.getByRole('link', { name: 'slope-0001.png' }).waitFor();
  });
}
