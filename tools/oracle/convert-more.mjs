// What kvmask and kvmafter print, as golden/real-kvm/extra keeps it: registers as "id value [errno of get, of set]" with
// the 0x60 of every id left out, acceptance as sixteen masks of four digits, and without the ID registers of which only
// zero is zero and accepted (everything else is EINVAL).

const shortId = (id) => id.replace(/^60/, '');
const plain = (hex) => hex.replace(/^0+(?=.)/, '');
const key = (o) => `3,${o.op1},0,${o.crm},${o.op2}`;

/** kvmask: every feature set, extreme values, unusual ids. */
export function convertMore(text) {
  const out = { inits: [], more: {} };
  for (const o of lines(text)) {
    const c = o.config ? out.more[o.config] : undefined;
    if (o.kind === 'inits') out.inits = o.r;
    else if (o.kind === 'config') {
      const { name, features, cap, again, other, fail, errno } = o;
      out.more[name] = {
        features,
        ...(cap && { cap }),
        ...(again && { again }),
        ...(other && { other }),
        ...(fail ? { fails: { at: fail, errno } } : {}),
      };
    } else if (o.kind === 'sve') {
      const { kind, config, ...answers } = o;
      c.sve = answers;
    } else if (o.kind === 'reg') {
      const errnos = o.get || o.setback ? ` ${o.get} ${o.setback}` : '';
      part(c, 'registers', []).push(`${shortId(o.id)} ${plain(o.value)}${errnos}`);
    } else if (o.kind === 'idaccept') {
      const accepted = o.fields.map(([mask]) => mask.toString(16).padStart(4, '0')).join('');
      const errno = [...new Set(o.fields.map((f) => f[1]).filter(Boolean))].sort((a, b) => a - b);
      const onlyZero = accepted === '0001'.repeat(16) && plain(o.value) === '0' && String(errno) === '22';
      if (!onlyZero) part(c, 'accepts', {})[key(o)] = [plain(o.value), accepted, ...errno];
    } else if (o.kind === 'idabsent') part(c, 'absent', {})[key(o)] = o.errno;
    else if (o.kind === 'write')
      part(c, 'writes', {})[shortId(o.id)] = o.r.map((v) => (typeof v === 'string' ? plain(v) : v));
    else if (o.kind === 'values') part(c, 'values', {})[shortId(o.id)] = [o.get, o.r];
    else if (o.kind === 'odd') c.odd = o.r;
  }
  return out;
}

/** kvmafter: what the first KVM_RUN changes. */
export function convertAfter(text) {
  const out = {};
  for (const o of lines(text)) {
    const c = o.config ? out[o.config] : undefined;
    if (o.kind === 'after')
      out[o.name] = { features: o.features, cap: o.cap, vgic: o.vgic, lower: o.lower, run: o.run, now: {}, reset: {} };
    else if (o.kind === 'now') c.now[shortId(o.id)] = o.r.map((v) => (typeof v === 'string' ? plain(v) : v));
    else if (o.kind === 'again') c.again = o.errno;
    else if (o.kind === 'reset') c.reset[shortId(o.id)] = [o.r[0], plain(o.r[1])];
  }
  return out;
}

/** A part of a config, made when its first answer comes. */
function part(c, name, empty) {
  c[name] ??= empty;
  return c[name];
}
function* lines(text) {
  for (const line of text.split('\n')) if (line.startsWith('{"kind"')) yield JSON.parse(line);
}

/** One line per entry, so that differences can be read. */
export function stringifyMore(o) {
  return `${JSON.stringify(o).replace(/("[0-9a-f]{14}":\[|"3,\d,0,\d,\d":|"(?:more|after|now|reset|accepts|absent|writes|values|registers)":)/g, '\n$1')}\n`;
}
