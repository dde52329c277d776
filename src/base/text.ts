// Text from bytes. What Node has for it takes longer to load than many a program runs.

import { lazy } from './lazy.ts';

/** Characters that are made of bytes at once. */
const CHUNK = 4096;
const NOT_ASCII = /[\x80-\xff]/;
interface Decoder {
  decode(bytes: Uint8Array): string;
}
const decoder = lazy(() => new (globalThis as unknown as { readonly TextDecoder: new () => Decoder }).TextDecoder());

/** UTF-8; what is none becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += CHUNK)
    text += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(i, i + CHUNK)) as string;
  return NOT_ASCII.test(text) ? decoder().decode(bytes) : text;
}
/** A byte for each character of ASCII. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
