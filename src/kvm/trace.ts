// Tracepoints, named as the kernel names them. Whoever composes the machine decides what becomes of them.

export type TraceFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;
export type Trace = (event: string, fields: TraceFields) => void;
