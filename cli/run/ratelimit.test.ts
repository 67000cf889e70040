import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { connect } from 'node:tls'
import { afterEach, expect, it } from 'vitest'
import { type Certificate, testCa } from '../../test/helpers/certificates.ts'
import { testFolder } from '../../test/helpers/folders.ts'
import { createLog } from './log.ts'
import { startRateLimitServer } from './ratelimit.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** The service with a certificate that ends in `validMs`. */
async function start(validMs: number) {
  const folder = testFolder('ratelimit')
  const ca = await testCa()
  const tls = { cert: join(folder, 'svc.pem'), key: join(folder, 'svc.key') }
  const write = async ({ cert, key }: Certificate) => {
    await writeFile(tls.cert, cert)
    await writeFile(tls.key, key)
  }
  await write(await ca.issue('first', { ip: ['127.0.0.1'], validMs }))
  const stream = new PassThrough()
  let said = ''
  stream.on('data', (chunk) => {
    said += chunk
  })
  const local = { host: '127.0.0.1', port: 0 }
  const log = createLog({ logLevel: 'info', logFormat: 'json' }, stream as never)
  const server = await startRateLimitServer(
    { folder, listen: local, metrics: local, redis: undefined, tls, insecure: false },
    log,
  )
  stops.push(server.stop)
  /** The name in the certificate that a new connection is shown. */
  const shown = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: server.port, ca: ca.cert, ALPNProtocols: ['h2'] }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      })
      socket.on('error', reject)
    })
  const ends = async () => {
    const text = await (await fetch(`${server.metricsUrl}/metrics`)).text()
    return (
      Number(/meshgate_certificate_expiry_timestamp_seconds\{certificate="ratelimit"\} (\S+)/.exec(text)?.[1]) * 1000
    )
  }
  return { ca, tls, write, said: () => said, shown, ends }
}

it('a certificate that ends soon is told, in the log and for alarms; the one that takes its place is shown', async () => {
  const { ca, write, said, shown, ends } = await start(3 * 3_600_000)
  await expect.poll(said).toContain('the certificate of CN=first expires in 2 hours')
  expect(Math.abs((await ends()) - Date.now() - 3 * 3_600_000)).toBeLessThan(600_000)
  expect(await shown()).toBe('first')
  await write(await ca.issue('second', { ip: ['127.0.0.1'], validMs: 60 * 86_400_000 }))
  await expect.poll(shown).toBe('second')
  expect((await ends()) - Date.now()).toBeGreaterThan(59 * 86_400_000)
})

it('files that are no pair are told, and the certificate before stays', async () => {
  const { tls, said, shown } = await start(60 * 86_400_000)
  await writeFile(tls.cert, 'no certificate')
  await expect.poll(said).toContain('changed rate limit service certificates are not usable: the old ones stay')
  expect(await shown()).toBe('first')
})

it('a file that is not there is named', async () => {
  const folder = testFolder('ratelimit')
  const local = { host: '127.0.0.1', port: 0 }
  const tls = { cert: join(folder, 'none.pem'), key: join(folder, 'none.key') }
  const log = createLog({ logLevel: 'silent' }, new PassThrough() as never)
  await expect(
    startRateLimitServer({ folder, listen: local, metrics: local, redis: undefined, tls, insecure: false }, log),
  ).rejects.toThrow(/rate limit service TLS: cannot read the certificate .*none\.pem/)
})
