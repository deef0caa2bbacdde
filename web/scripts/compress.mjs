// Writes .gz and .br twins of what compresses, and holds the scripts and styles to their budget.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const BUDGET = 250_000; // bytes of gzip, all scripts and styles together
const root = new URL('../dist', import.meta.url).pathname;
let total = 0;

for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
  const name = join(entry.parentPath, entry.name);
  if (!entry.isFile() || !/\.(js|css|html|svg|json)$/.test(name)) continue;
  const bytes = readFileSync(name);
  const gzip = gzipSync(bytes, { level: 9 });
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  writeFileSync(`${name}.gz`, gzip);
  writeFileSync(`${name}.br`, brotli);
  if (/\.(js|css)$/.test(name)) total += gzip.length;
}

console.log(`scripts and styles: ${(total / 1000).toFixed(1)} kB gzip of ${BUDGET / 1000} kB`);
if (total > BUDGET) {
  console.error('over the budget');
  process.exit(1);
}
