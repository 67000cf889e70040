import { fromBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { DescriptorSource } from './descriptor-files.ts'

/**
 * Reads file descriptors out of an Envoy binary. protoc's C++ output embeds every linked file as one serialized
 * FileDescriptorProto; it starts with field 1 (name) followed by field 2 (package), and its top-level field numbers ascend.
 * That the descriptors are there is a property of today's builds, not a promise: a missing file is reported by `closure`.
 */
export function envoySource(binary: Buffer): DescriptorSource {
  return (name) => {
    const nameBytes = Buffer.from(name, 'utf8')
    const start = Buffer.concat([Buffer.from([0x0a]), varint(nameBytes.length), nameBytes, Buffer.from([0x12])])
    for (let at = binary.indexOf(start); at >= 0; at = binary.indexOf(start, at + 1)) {
      const end = endOfFile(binary, at)
      if (end <= at + start.length) continue
      try {
        const file: FileDescriptorProto = fromBinary(FileDescriptorProtoSchema, binary.subarray(at, end))
        if (
          file.name === name &&
          file.messageType.length + file.enumType.length + file.service.length + file.extension.length > 0
        )
          return file
      } catch {
        // The bytes only looked like a descriptor (a string table holds file names too); try the next place.
      }
    }
    return undefined
  }
}

/** Every proto file name the binary mentions in front of a package field, with the given prefix. */
export function embeddedNames(binary: Buffer, prefixes: readonly string[]): string[] {
  const names = new Set<string>()
  for (const prefix of prefixes) {
    const needle = Buffer.from(prefix, 'utf8')
    for (let at = binary.indexOf(needle); at >= 0; at = binary.indexOf(needle, at + 1)) {
      const length = binary[at - 1]!
      const longForm = length < 0x80 && binary[at - 2]! >= 0x80 ? (binary[at - 2]! & 0x7f) | (length << 7) : undefined
      for (const size of [length, longForm]) {
        if (size === undefined || size < prefix.length || size > 200) continue
        const text = binary.toString('latin1', at, at + size)
        if (/^[a-z0-9_/.]+\.proto$/.test(text) && binary[at + size] === 0x12) names.add(text)
      }
    }
  }
  return [...names].sort()
}

/** Walks top-level fields of a FileDescriptorProto (numbers ascend up to 12, `syntax`, then 14, `edition`) and returns where they stop. */
function endOfFile(bytes: Buffer, start: number): number {
  let at = start
  let last = 0
  while (at < bytes.length) {
    const tag = bytes[at]!
    const field = tag >> 3
    const wire = tag & 7
    if (field < last || field === 0 || (field > 12 && field !== 14) || tag >= 0x80) return at
    if (wire === 2) {
      const [length, next] = readVarint(bytes, at + 1)
      at = next + length
    } else if (wire === 0) {
      at = readVarint(bytes, at + 1)[1]
    } else return at
    last = field
  }
  return at
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) {
      bytes.push(rest)
      return Buffer.from(bytes)
    }
    bytes.push((rest & 0x7f) | 0x80)
  }
}

function readVarint(bytes: Buffer, start: number): [value: number, next: number] {
  let value = 0
  for (let at = start, shift = 0; shift < 35; at++, shift += 7) {
    const byte = bytes[at]!
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) return [value, at + 1]
  }
  return [0, bytes.length]
}
