// Errno numbers by name.

/** Those that only this layer answers. */
export const MoreErrno = {
  ENODATA: 61,
  ENOTSOCK: 88,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EAFNOSUPPORT: 97,
  EISCONN: 106,
} as const;
