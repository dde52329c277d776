// The modes of KVM.

import type { KvmMode } from './host.ts';

export const KVM_MODES: readonly KvmMode[] = ['vhe', 'nvhe', 'protected', 'nested'];
