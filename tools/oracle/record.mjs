// `npm run oracle -- NAME CPU MODE`: records what a real Linux KVM answers on a QEMU CPU, as golden/real-kvm keeps it.
//   node tools/oracle/record.mjs max-vhe max vhe > FILE.json          needs Debian packages (see tools/debian/prepare.sh)
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { convert, convertRaw } from './convert.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const ref = process.env.HYPATIA_REF ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hypatia');
const [name, cpu = 'max', mode = 'vhe'] = process.argv.slice(2);
if (!name) {
  process.stderr.write('usage: npm run oracle -- NAME CPU MODE    (for instance: max-vhe max vhe)\n');
  process.exit(2);
}
const run = spawnSync('bash', [join(here, 'run.sh'), '-c', cpu, '-m', mode, join(ref, 'kvmprobe')], {
  encoding: 'utf8',
  maxBuffer: 1 << 28,
});
if (run.status !== 0) {
  process.stderr.write(run.stderr);
  process.exit(1);
}
copyFileSync(join(ref, 'idregs.bin'), join(ref, 'trixie/tmp/idregs.bin'));
const raw = spawnSync(
  'chroot',
  [
    join(ref, 'trixie'),
    'timeout',
    '20',
    'qemu-system-aarch64',
    '-M',
    'virt,virtualization=on,gic-version=3',
    '-cpu',
    cpu,
    '-smp',
    '1',
    '-m',
    '256M',
    '-nographic',
    '-kernel',
    '/tmp/idregs.bin',
  ],
  { encoding: 'utf8', input: '' },
);
const out = {
  kernel: /^#kernel (.*)$/m.exec(run.stderr)?.[1] ?? '',
  kvmMode: mode,
  rawIdRegisters: convertRaw(raw.stdout),
  ...convert(run.stdout),
};
delete out.end;
const text = JSON.stringify(out)
  .replace(/("0x[0-9a-f]{16}":\[)/g, '\n$1')
  .replace(/("3,\d,0,\d,\d":)/g, '\n$1');
process.stdout.write(`${text}\n`);
