import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { testCa } from '../helpers/certificates.ts'
import { type Seen, startEcho, startTcpEcho } from '../helpers/echo.ts'

/** One HTTP/2 request: the answer's headers, body and trailers. */
function get2(url: string, headers: Record<string, string>, options: object = {}, body = '') {
  return new Promise<{ headers: Record<string, unknown>; trailers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const session = connectHttp2(url, options)
      session.on('error', reject)
      const stream = session.request(headers, { endStream: !body })
      const seen = { headers: {}, trailers: {}, body: '' }
      stream.setEncoding('utf8')
      stream.on('response', (answer) => Object.assign(seen.headers, answer))
      stream.on('trailers', (trailers) => Object.assign(seen.trailers, trailers))
      stream.on('data', (text: string) => {
        seen.body += text
      })
      stream.on('error', reject)
      stream.on('close', () => {
        session.destroy()
        if (':status' in seen.headers) resolve(seen)
        else reject(new Error('no answer'))
      })
      if (body) stream.end(body)
    },
  )
}

describe('the echo upstream', () => {
  test('one port answers HTTP/1.1 and cleartext HTTP/2', async () => {
    const echo = await startEcho('v1')
    const one = (await (
      await fetch(`http://127.0.0.1:${echo.port}/a?b=1`, { method: 'POST', body: 'hi' })
    ).json()) as Seen
    expect(one).toMatchObject({ name: 'v1', method: 'POST', path: '/a?b=1', body: 'hi', protocol: 'HTTP/1.1' })
    const two = await get2(`http://127.0.0.1:${echo.port}`, { ':path': '/c', ':authority': 'reviews' })
    expect(JSON.parse(two.body)).toMatchObject({ path: '/c', protocol: 'HTTP/2', headers: { host: 'reviews' } })
    expect(echo.count).toBe(2)
    expect(echo.seen[0]!.connection).not.toBe(echo.seen[1]!.connection)
  })

  test('it fails, waits and resets on command, by the upstream or by the request', async () => {
    const echo = await startEcho('v1')
    const url = `http://127.0.0.1:${echo.port}/`
    expect((await fetch(url, { headers: { 'x-echo-status': '418' } })).status).toBe(418)
    echo.behave({ status: 503, headers: { 'x-more': 'yes' } })
    const answer = await fetch(url)
    expect([answer.status, answer.headers.get('x-more'), answer.headers.get('x-echo-name')]).toEqual([503, 'yes', 'v1'])
    echo.behave(({ path }) => ({ reset: path === '/reset' }))
    await expect(fetch(`${url}reset`)).rejects.toThrow()
    expect((await fetch(url)).status).toBe(200)
    const start = performance.now()
    await fetch(url, { headers: { 'x-echo-delay': '60' } })
    expect(performance.now() - start).toBeGreaterThan(55)
  })

  test('gRPC gets its message back, and a status in the trailers', async () => {
    const echo = await startEcho('grpc')
    const headers = {
      ':method': 'POST',
      ':path': '/s.S/M',
      'content-type': 'application/grpc',
      'x-echo-grpc-status': '14',
    }
    const answer = await get2(`http://127.0.0.1:${echo.port}`, headers, {}, 'frame')
    expect([answer.body, answer.trailers['grpc-status']]).toEqual(['frame', '14'])
  })

  test('over TLS it tells server name, ALPN and who the client is', async () => {
    const ca = await testCa()
    const server = await ca.issue('v1', { dns: ['reviews.example'] })
    const client = await ca.issue('shop', { uri: ['spiffe://cluster.local/ns/default/sa/shop'] })
    const echo = await startEcho('v1', { tls: { ...server, clientCa: ca.cert } })
    const options = { ca: ca.cert, servername: 'reviews.example', ...client }
    const answer = await get2(`https://127.0.0.1:${echo.port}`, { ':path': '/' }, options)
    expect((JSON.parse(answer.body) as Seen).tls).toEqual({
      serverName: 'reviews.example',
      alpn: 'h2',
      peerNames: 'URI:spiffe://cluster.local/ns/default/sa/shop',
    })
    const evil = await (await testCa('somebody else')).issue('evil', {})
    await expect(get2(`https://127.0.0.1:${echo.port}`, { ':path': '/' }, { ...options, ...evil })).rejects.toThrow()
    expect(echo.count).toBe(1)
  })

  test('TCP upstreams put their name before every chunk', async () => {
    const echo = await startTcpEcho('tcp-v2', { greeting: 'hello;' })
    const socket = connect(echo.port, '127.0.0.1')
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    socket.write('ping')
    await expect.poll(() => text).toBe('hello;tcp-v2: ping')
    expect([echo.count, echo.connections]).toEqual([1, 1])
    socket.destroy()
  })
})
