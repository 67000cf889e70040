import { expect, test } from 'vitest'
import { type ChecksumName, checksumKinds } from './checksum.ts'

/** The sums of "123456789", by which catalogues tell checksums. @see https://reveng.sourceforge.io/crc-catalogue/ */
const known: Readonly<Record<ChecksumName, number>> = {
  crc32: 0xcbf43926,
  crc32le: 0xcbf43926,
  'crc16-ccitt': 0x29b1,
  'crc16-xmodem': 0x31c3,
  'crc16-modbus': 0x4b37,
  sum8: 0xdd,
  xor8: 0x31,
}

test.each(Object.entries(known))('%s of the known digits', (name, sum) => {
  const { of, bytes } = checksumKinds[name as ChecksumName]
  expect(of(Buffer.from('123456789')) >>> 0).toBe(sum)
  expect(sum).toBeLessThan(2 ** (bytes * 8))
})
