import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import * as wkt from '@bufbuild/protobuf/wkt'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { copyFile, type DescriptorSource } from './descriptor-files.ts'

/** Reads descriptors from the Python modules of the unpacked `xds-protos` wheel: `AddSerializedFile(b'…')` holds each one. */
export function xdsProtosSource(directory: string): DescriptorSource {
  return (name) => {
    const module = join(directory, `${name.replace(/\.proto$/, '').replaceAll('-', '_')}_pb2.py`)
    if (!existsSync(module)) return undefined
    const source = readFileSync(module, 'latin1')
    const literal = /AddSerializedFile\(b(['"])((?:\\.|(?!\1)[^\\])*)\1\)/s.exec(source)
    if (!literal)
      throw new Error(`${module} holds no AddSerializedFile(b'…') literal: the layout of xds-protos has changed`)
    return fromBinary(FileDescriptorProtoSchema, pythonBytes(literal[2]!))
  }
}

/** google/protobuf/* as protobuf-es ships them, so that its generated imports fit. */
export function wellKnownSource(): DescriptorSource {
  const files = new Map<string, FileDescriptorProto>()
  for (const value of Object.values(wkt)) {
    if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'file') {
      const file = value.proto as FileDescriptorProto
      files.set(file.name, file)
    }
  }
  return (name) => {
    const file = files.get(name)
    return file && copyFile(file)
  }
}

const ESCAPES: Readonly<Record<string, number>> = {
  n: 10,
  r: 13,
  t: 9,
  '\\': 92,
  "'": 39,
  '"': 34,
  a: 7,
  b: 8,
  f: 12,
  v: 11,
}

/** Undoes the escapes of a Python bytes literal (`\xNN`, octal, single letters). */
function pythonBytes(literal: string): Uint8Array {
  const bytes: number[] = []
  for (let at = 0; at < literal.length; at++) {
    if (literal[at] !== '\\') {
      bytes.push(literal.charCodeAt(at))
      continue
    }
    const letter = literal[++at]!
    if (letter === 'x') {
      bytes.push(Number.parseInt(literal.slice(at + 1, at + 3), 16))
      at += 2
    } else if (letter >= '0' && letter <= '7') {
      const octal = /^[0-7]{1,3}/.exec(literal.slice(at, at + 3))![0]
      bytes.push(Number.parseInt(octal, 8))
      at += octal.length - 1
    } else if (letter !== '\n') {
      const code = ESCAPES[letter]
      if (code === undefined) throw new Error(`unknown escape \\${letter} in a Python bytes literal`)
      bytes.push(code)
    }
  }
  return Uint8Array.from(bytes)
}
