// The host process that `hypatia exec` runs, as the composition roots see it.

export { COUNTER_HZ } from './clock.ts';
export { HWCAPS, hwcapNames, hwcapWords } from './hwcap.ts';
export { type CpuFacts, type DevicePlug, type HostServices, Machine, type MachineOptions } from './machine.ts';
export { boot, type StartOptions } from './start.ts';
export { Strace, type StraceOptions } from './strace.ts';
export { syscalls } from './syscalls/dispatch.ts';
export { linuxHooks } from './sysregs.ts';
export { userIdRegister } from './user_id.ts';
export type { HostFs, HostStat, HostStream } from './vfs/hostfs.ts';
