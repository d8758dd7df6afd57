/**
 * Second half of `npm run build`: puts what the program serves, and the compiler does not know, into dist/assets/.
 * That is Redoc, so that the API reference works without the network.
 */
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'dist/assets');
const assets = {
  'node_modules/redoc/bundles/redoc.standalone.js': 'redoc.standalone.js',
  'node_modules/redoc/LICENSE': 'redoc.LICENSE',
};

await mkdir(target, { recursive: true });
for (const [from, to] of Object.entries(assets)) {
  try {
    await copyFile(join(root, from), join(target, to));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    console.error(`copy-assets: ${from} is missing. Run "npm ci" with the development dependencies first.`);
    process.exit(1);
  }
}
