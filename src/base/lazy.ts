// Values that are made when they are first wanted: most tables are never met by a program.

/** A function that gives the same value each time: the first call makes it. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
