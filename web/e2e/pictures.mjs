// Pictures for uploads: as payloads of the browser driver, made here or read from the test data.
import { readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';

const SIDE = 48;

function chunk(kind, body) {
  const named = Buffer.concat([Buffer.from(kind), body]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(body.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(named));
  return Buffer.concat([size, named, check]);
}

function png(pixels) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([8, 2], 8); // eight bits a colour, RGB
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A small picture of a colour slope without a face; another for each number. */
export function slope(n) {
  const rows = [];
  for (let y = 0; y < SIDE; ++y) {
    const row = Buffer.alloc(1 + SIDE * 3);
    for (let x = 0; x < SIDE; ++x) {
      row.set([(n * 37 + x * 3) & 255, (n * 11 + y * 4) & 255, (n >> 3) & 255], 1 + x * 3);
    }
    rows.push(row);
  }
  return {
    name: `slope-${String(n).padStart(4, '0')}.png`,
    mimeType: 'image/png',
    buffer: png(deflateSync(Buffer.concat(rows))),
  };
}

/** Begins as a picture, and is none: it is taken in, and fails when it is read. */
export const broken = (n) => ({
  name: `broken-${n}.png`,
  mimeType: 'image/png',
  buffer: png(Buffer.from(`no pixels ${n}`)),
});

export const text = (name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(`hello ${name}`) });

const TYPES = { '.png': 'image/png', '.gif': 'image/gif', '.mp4': 'video/mp4', '.avi': 'video/x-msvideo' };

/** A picture or video of the test data. */
export const photo = (path, name = basename(path)) => ({
  name,
  mimeType: TYPES[extname(name)] ?? 'image/jpeg',
  buffer: readFileSync(join(process.env.FACET_TESTDATA, path)),
});

/** The same JPEG, with this text as Exif image description, make, model, artist and copyright. */
export function withExif(file, text) {
  const tags = [0x010e, 0x010f, 0x0110, 0x013b, 0x8298];
  const value = Buffer.from(`${text}\0`);
  const tiff = Buffer.alloc(8 + 2 + 12 * tags.length + 4);
  tiff.write('II*\0', 'latin1');
  tiff.writeUInt32LE(8, 4);
  tiff.writeUInt16LE(tags.length, 8);
  tags.forEach((tag, i) => {
    const at = 10 + 12 * i;
    tiff.writeUInt16LE(tag, at);
    tiff.writeUInt16LE(2, at + 2); // ASCII
    tiff.writeUInt32LE(value.length, at + 4);
    tiff.writeUInt32LE(tiff.length, at + 8);
  });
  const body = Buffer.concat([Buffer.from('Exif\0\0'), tiff, value]);
  const head = Buffer.from([0xff, 0xe1, (body.length + 2) >> 8, (body.length + 2) & 255]);
  return {
    ...file,
    buffer: Buffer.concat([file.buffer.subarray(0, 2), head, body, file.buffer.subarray(2)]),
  };
}

/** Large and slow to send: a picture with much behind its end. */
export const padded = (n, bytes) => {
  const file = slope(n);
  return { ...file, name: `padded-${n}.png`, buffer: Buffer.concat([file.buffer, Buffer.alloc(bytes, n)]) };
};

export const OBAMA = 'people/obama_1.jpg';
export const OBAMA_AGAIN = 'people/obama_2.jpg';
export const BIDEN = 'people/biden_1.jpg';
export const BOTH = 'people/obama_and_biden_1.jpg';
export const MIRANDA = 'video/lin-manuel-miranda.png';
export const VIDEOS = {
  h264: 'video/hamilton.mp4',
  mjpeg: 'video/hamilton_mjpeg.avi', // played by no browser
  gif: 'video/hamilton_anim.gif',
};

/** Sends files as a program does, and waits until all have been looked at. */
export async function seed(url, files, { seconds = 120 } = {}) {
  const made = [];
  for (const { name, mimeType, buffer } of files) {
    const form = new FormData();
    form.set('file', new Blob([buffer], { type: mimeType }), name);
    const answer = await fetch(`${url}/v1/media`, { method: 'POST', body: form });
    made.push((await answer.json()).accepted[0].media);
  }
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const { media } = await (await fetch(`${url}/v1/stats`)).json();
    if (media.pending + media.processing === 0) return made;
    if (Date.now() > deadline) throw new Error(`not done in time: ${JSON.stringify(media)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
