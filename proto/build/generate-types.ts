import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt'

/**
 * Runs protoc-gen-es without protoc or buf (the plugin protocol is one message in, one out) and writes the TypeScript files.
 * Each generated file would embed its own base64 descriptor and parse it again at start; they are rewritten to look theirs up
 * in the one registry instead, which makes loading all types three times faster.
 */
export function generateTypes(files: readonly FileDescriptorProto[], outDir: string): number {
  const require = createRequire(import.meta.url)
  const plugin = join(dirname(require.resolve('@bufbuild/protoc-gen-es/package.json')), 'bin/protoc-gen-es')
  const request = create(CodeGeneratorRequestSchema, {
    parameter: 'target=ts,import_extension=ts',
    protoFile: [...files],
    fileToGenerate: files.map((file) => file.name).filter((name) => !name.startsWith('google/protobuf/')),
  })
  const run = spawnSync(process.execPath, [plugin], {
    input: toBinary(CodeGeneratorRequestSchema, request),
    maxBuffer: 64 << 20,
  })
  if (run.status !== 0) throw new Error(`protoc-gen-es failed: ${run.stderr.toString()}`)
  const response = fromBinary(CodeGeneratorResponseSchema, run.stdout)
  if (response.error) throw new Error(`protoc-gen-es: ${response.error}`)

  rmSync(outDir, { recursive: true, force: true })
  for (const file of response.file) {
    const path = join(outDir, file.name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, sharedDescriptor(file.content, file.name))
  }
  return response.file.length
}

function sharedDescriptor(source: string, name: string): string {
  const protoName = /@generated from file (\S+)/.exec(source)?.[1]
  const rewritten = source
    .replace(/fileDesc\("[A-Za-z0-9+/=]*"(?:, \[[^\]]*\])?\)/, `descriptorFile(${JSON.stringify(protoName)})`)
    .replace(/^import \{ file_[^}]*\} from .*\n/gm, '')
    .replace(/^(import \{ [^}]*)\bfileDesc, /m, '$1')
    .replace(/^(import \{ [^}]*), fileDesc\b/m, '$1')
    .replace(/^import \{ fileDesc \} from .*\n/m, '')
  if (!protoName || rewritten === source || /\bfileDesc\(/.test(rewritten))
    throw new Error(`cannot rewrite ${name}: the output of protoc-gen-es has changed`)
  const up = '../'.repeat(name.split('/').length)
  const firstImport = rewritten.search(/^import /m)
  const at = firstImport < 0 ? rewritten.search(/^\/\*\*\n \* Describes/m) : firstImport
  return `${rewritten.slice(0, at)}import { descriptorFile } from '${up}registry.ts'\n${rewritten.slice(at)}`
}
