import { mutated, type Random } from '../../../codecs/mutated.ts'

/** A header of the PROXY protocol, sound or not. */
export function proxyHeader(any: Random): Uint8Array {
  const v2 = '0d0a0d0a000d0a515549540a'
  const headers = [
    Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n'),
    Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 1000 2000\r\n'),
    Buffer.from('PROXY UNKNOWN\r\n'),
    Buffer.from(`${v2}2111000cc0000201c000020203e807d0`, 'hex'),
    Buffer.from(`${v2}20000000`, 'hex'),
    Buffer.from(`${v2}2111ffff`, 'hex'),
  ]
  return any(2) ? headers[any(headers.length)]! : mutated(headers, any)
}
