// All syntax tables.

import type { SyntaxTable } from '../form.ts';

export const SYNTAX: readonly SyntaxTable[] = [];
