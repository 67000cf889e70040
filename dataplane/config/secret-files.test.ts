import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { type Secret, SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { type TestCa, testCa } from '../../test/helpers/certificates.ts'
import { testFolder } from '../../test/helpers/folders.ts'
import { SecretFiles } from './secret-files.ts'

let ca: TestCa
const cleanup: (() => void)[] = []
beforeAll(async () => {
  ca = await testCa()
})
afterEach(() => {
  for (const end of cleanup.splice(0)) end()
})

const inFile = (value: string) => ({ specifier: { case: 'filename', value } }) as const

function bed() {
  const folder = testFolder('secret-files')
  const paths = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const secret = create(SecretSchema, {
    name: 'pair',
    type: {
      case: 'tlsCertificate',
      value: { certificateChain: inFile(paths.cert), privateKey: inFile(paths.key) },
    },
  })
  const told: string[] = []
  const tell = (_: object, text: string) => told.push(text)
  let changes = 0
  const files = new SecretFiles({ info: tell, warn: tell }, () => changes++, 10)
  cleanup.push(() => files.stop())
  return { paths, secret, told, files, changes: () => changes }
}

const textOf = ({ type }: Secret) =>
  type.case === 'tlsCertificate' ? type.value.certificateChain?.specifier.value : undefined

test('a renewed pair is told and taken; half of one changes nothing, nor does one that is gone', async () => {
  const { paths, secret, told, files, changes } = bed()
  const [first, second] = [await ca.issue('first', {}), await ca.issue('second', {})]
  writeFileSync(paths.cert, first.cert)
  writeFileSync(paths.key, first.key)
  expect(textOf(files.inlined(secret))).toBe(first.cert)
  writeFileSync(paths.cert, second.cert)
  await expect.poll(() => told.at(-1)).toMatch(/^changed secret pair certificates are not usable: the old ones stay$/)
  expect([textOf(files.inlined(secret)), changes()]).toEqual([first.cert, 0])
  writeFileSync(paths.key, second.key)
  await expect.poll(changes).toBe(1)
  expect(textOf(files.inlined(secret))).toBe(second.cert)
  rmSync(paths.key)
  await expect.poll(() => told.at(-1)).toMatch(/not usable/)
  expect(textOf(files.inlined(secret))).toBe(second.cert)
})

test('files that are not there yet are told, and used when they come', async () => {
  const { paths, secret, told, files, changes } = bed()
  expect(files.inlined(secret)).toBe(secret)
  expect(told).toEqual([
    expect.stringMatching(/^secret pair TLS: cannot read the certificate .*it is read when it changes$/),
  ])
  const { cert, key } = await ca.issue('late', {})
  writeFileSync(paths.cert, cert)
  writeFileSync(paths.key, key)
  await expect.poll(changes).toBe(1)
  expect(textOf(files.inlined(secret))).toBe(cert)
})

test('a secret that names no file stays as it is', () => {
  const { files } = bed()
  const inline = create(SecretSchema, { name: 'inline', type: { case: 'tlsCertificate', value: {} } })
  expect(files.inlined(inline)).toBe(inline)
})
