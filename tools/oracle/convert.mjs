// What the probe prints, as the recordings in golden/real-kvm keep it.

/** The probe's lines, in the shape of the recordings. */
export function convert(text) {
  const out = { capabilities: {}, writableMasks: {}, vmTypes: {}, configs: {} };
  for (const line of text.split('\n')) {
    if (!line.startsWith('{"kind"')) continue;
    const o = JSON.parse(line);
    const c = o.config ? out.configs[o.config] : undefined;
    const key = () => `3,${o.op1},0,${o.crm},${o.op2}`;
    if (o.kind === 'api') Object.assign(out, { apiVersion: o.version, vcpuMmapSize: o.mmap });
    else if (o.kind === 'cap') out.capabilities[o.cap] = [o.sys, o.vm];
    else if (o.kind === 'target') out.preferredTarget = o.target;
    else if (o.kind === 'vmtype') out.vmTypes[o.type] = o.errno;
    else if (o.kind === 'masks_ret') out.writableMasksErrno = o.errno;
    else if (o.kind === 'mask') out.writableMasks[key()] = `0x${o.mask}`;
    else if (o.kind === 'config')
      out.configs[o.name] = o.fail
        ? { features: o.features, fails: { at: o.fail, errno: o.errno } }
        : { features: o.features, registers: {}, idRegisterAcceptance: {} };
    else if (o.kind === 'reg')
      c.registers[`0x${o.id}`] = o.get || o.setback ? [`0x${o.value}`, o.get, o.setback] : [`0x${o.value}`];
    else if (o.kind === 'idaccept')
      c.idRegisterAcceptance[key()] = {
        value: `0x${o.value}`,
        accepted: o.fields.map((f) => f[0]),
        errno: [...new Set(o.fields.map((f) => f[1]).filter(Boolean))].sort((a, b) => a - b),
      };
    else if (o.kind === 'idabsent') c.idRegisterAbsent = { ...c.idRegisterAbsent, [key()]: o.errno };
    else if (o.kind === 'end') out.end = true;
  }
  return out;
}

/** The lines of idregs.S (`30040 0123456789abcdef`): packed op0 op1 CRn CRm op2 in hexadecimal digits, then the value. */
export function convertRaw(text) {
  const out = {};
  for (const m of text.matchAll(/^([0-9a-f]{5}) ([0-9a-f]{16})\r?$/gm))
    if (!/^f+$/.test(m[2])) out[[...m[1]].map((d) => Number.parseInt(d, 16)).join(',')] = `0x${m[2]}`;
  return out;
}
