// After tsc: make the command executable and leave the stamp that tools/setup.mjs compares with.
import { chmodSync, existsSync, writeFileSync } from 'node:fs';

if (existsSync('dist/cli/main.js')) chmodSync('dist/cli/main.js', 0o755);
writeFileSync('dist/.built', '');
