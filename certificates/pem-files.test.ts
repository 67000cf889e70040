import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { testCa } from '../test/helpers/certificates.ts'
import { testFolder } from '../test/helpers/folders.ts'
import { PemFiles, SECURE } from './pem-files.ts'

const NAMES = { dns: ['localhost'], ip: ['127.0.0.1'] }
const [ca, other] = await Promise.all([testCa(), testCa('another CA')])

/** A server with files that are looked at all the time, and what it said. */
async function serve(folder = testFolder('certificates'), first?: { readonly cert: string; readonly key: string }) {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') }
  const write = ({ cert, key }: { readonly cert: string; readonly key: string }) => {
    writeFileSync(files.cert, cert)
    writeFileSync(files.key, key)
  }
  const start = () => {
    const said: string[] = []
    const tell = (_: object, text: string) => said.push(text)
    const certificates = new PemFiles('test', files, { info: tell, warn: tell, error: tell }, 10)
    onTestFinished(() => certificates.stop())
    const server = createServer({ ...SECURE, ...certificates.present, requestCert: true }, (_, response) =>
      response.end('hello'),
    )
    certificates.follow(server)
    onTestFinished(() => void server.close())
    return new Promise<{ readonly port: number; readonly said: readonly string[] }>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve({ port: (server.address() as AddressInfo).port, said }))
    })
  }
  if (first) {
    write(first)
    writeFileSync(files.ca, ca.cert)
  }
  return { files, write, start }
}

/** The name the server shows to a client of a CA, or why there is no connection. */
async function shown(port: number, of = ca): Promise<string> {
  const client = await of.issue('client', {})
  return new Promise((resolve) => {
    const options = { port, host: '127.0.0.1', ca: [ca.cert, other.cert], cert: client.cert, key: client.key }
    const socket = connect(options, () => socket.write('GET / HTTP/1.0\r\n\r\n'))
    // A server that refuses the client's certificate ends the connection after the client's part of the handshake.
    socket.once('data', () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.once('error', () => resolve('refused'))
    socket.once('close', () => resolve('refused'))
  })
}

test('what is put in place of the files is shown from then on; what cannot be used changes nothing and is told', async () => {
  const { files, write, start } = await serve(undefined, await ca.issue('first', NAMES))
  const { port, said } = await start()
  expect(await shown(port)).toBe('first')
  const second = await ca.issue('second', NAMES)
  writeFileSync(files.key, second.key)
  await expect.poll(() => said.at(-1)).toBe('changed test certificates are not usable: the old ones stay')
  expect(await shown(port)).toBe('first')
  write(second)
  await expect.poll(() => shown(port)).toBe('second')
  rmSync(files.cert)
  await expect.poll(() => said.at(-1)).toBe('changed test certificates are not usable: the old ones stay')
  write(await other.issue('third', NAMES))
  await expect.poll(() => shown(port)).toBe('third')
})

test('a CA is exchanged by way of a bundle with both; one that is half written is not taken', async () => {
  const { files, start } = await serve(undefined, await ca.issue('server', NAMES))
  const { port, said } = await start()
  expect([await shown(port, ca), await shown(port, other)]).toEqual(['server', 'refused'])
  writeFileSync(files.ca, `${ca.cert}\n${other.cert.slice(0, 100)}`)
  await expect.poll(() => said.at(-1)).toMatch(/not usable/)
  expect(await shown(port, ca)).toBe('server')
  writeFileSync(files.ca, `${ca.cert}\n${other.cert}`)
  await expect.poll(() => shown(port, other)).toBe('server')
  expect(await shown(port, ca)).toBe('server')
  writeFileSync(files.ca, other.cert)
  await expect.poll(() => shown(port, ca)).toBe('refused')
  expect(await shown(port, other)).toBe('server')
})

test('a folder of links that is swapped as a whole, as Kubernetes does it, is one change', async () => {
  const folder = testFolder('certificates')
  const version = async (name: string) => {
    mkdirSync(join(folder, name))
    const { cert, key } = await ca.issue(name, NAMES)
    for (const [file, text] of [
      ['cert.pem', cert],
      ['key.pem', key],
      ['ca.pem', ca.cert],
    ] as const)
      writeFileSync(join(folder, name, file), text)
    symlinkSync(name, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  }
  await version('first')
  for (const file of ['cert.pem', 'key.pem', 'ca.pem']) symlinkSync(join('..data', file), join(folder, file))
  const { start } = await serve(folder)
  const { port, said } = await start()
  expect(await shown(port)).toBe('first')
  await version('second')
  await expect.poll(() => shown(port)).toBe('second')
  expect(said).toEqual(['test certificates were reloaded'])
})

test('a certificate that ends soon is told at the start, with how long it lasts', async () => {
  const { start } = await serve(undefined, await ca.issue('short', { ...NAMES, validMs: 3_600_000 }))
  const { said } = await start()
  expect(said).toEqual([
    expect.stringMatching(
      /^test: the certificate of CN=short expires in \d+ minutes \(.* UTC\); put another in its place/,
    ),
  ])
})

test('files that cannot be used from the beginning are an error that names them', async () => {
  const { files, start } = await serve(undefined, await ca.issue('x', NAMES))
  writeFileSync(files.ca, 'nothing')
  expect(start).toThrow(`test TLS: the CA ${files.ca} holds no PEM certificate`)
  rmSync(files.key)
  expect(start).toThrow(`test TLS: cannot read the private key ${files.key}`)
})
