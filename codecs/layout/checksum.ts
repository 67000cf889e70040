import { crc32 } from 'node:zlib'

/** How a checksum is computed and written. */
export interface ChecksumKind {
  /** Bytes it takes in the frame. */
  readonly bytes: 1 | 2 | 4
  readonly le: boolean
  /** The sum as an int32 bit pattern. */
  readonly of: (bytes: Uint8Array) => number
}

/** A CRC of 16 bits over the polynomial 0x1021, the high bit first. @see https://reveng.sourceforge.io/crc-catalogue/16.htm */
function crc1021(bytes: Uint8Array, start: number): number {
  let crc = start
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  }
  return crc
}

/** CRC-16/MODBUS: the polynomial 0x8005, the low bit first. */
function crcModbus(bytes: Uint8Array): number {
  let crc = 0xffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1
  }
  return crc
}

/** Checksums by the names documents give them. */
export const checksumKinds = {
  crc32: { bytes: 4, le: false, of: (bytes) => crc32(bytes) | 0 },
  crc32le: { bytes: 4, le: true, of: (bytes) => crc32(bytes) | 0 },
  'crc16-ccitt': { bytes: 2, le: false, of: (bytes) => crc1021(bytes, 0xffff) },
  'crc16-xmodem': { bytes: 2, le: false, of: (bytes) => crc1021(bytes, 0) },
  'crc16-modbus': { bytes: 2, le: true, of: crcModbus },
  sum8: { bytes: 1, le: false, of: (bytes) => bytes.reduce((sum, byte) => (sum + byte) & 0xff, 0) },
  xor8: { bytes: 1, le: false, of: (bytes) => bytes.reduce((sum, byte) => sum ^ byte, 0) },
} as const satisfies Readonly<Record<string, ChecksumKind>>

export type ChecksumName = keyof typeof checksumKinds
export const checksumNames = Object.keys(checksumKinds) as [ChecksumName, ...ChecksumName[]]
