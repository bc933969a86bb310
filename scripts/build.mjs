// Compiles the daemon into dist/ and each shipped backend into its own dist/. Run by `prepare`.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tsc = path.join(root, 'node_modules', '.bin', 'tsc');

const backends = readdirSync(path.join(root, 'backends'))
  .map((name) => path.join(root, 'backends', name))
  .filter((dir) => existsSync(path.join(dir, 'tsconfig.json')));

for (const dir of [root, ...backends]) {
  rmSync(path.join(dir, 'dist'), { recursive: true, force: true });
  const project = path.join(dir, dir === root ? 'tsconfig.build.json' : 'tsconfig.json');
  execFileSync(tsc, ['--project', project], { stdio: 'inherit' });
}
chmodSync(path.join(root, 'dist', 'main.js'), 0o755);
// What a browser reads as it is.
for (const file of ['style.css', 'try-it.js']) {
  cpSync(path.join(root, 'src', 'api', 'page', file), path.join(root, 'dist', 'api', 'page', file));
}
