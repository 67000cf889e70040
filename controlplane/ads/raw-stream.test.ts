import { EventEmitter } from 'node:events'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RawStream } from './raw-stream.ts'
import { STATUS } from './transport.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function open() {
  const said: string[] = []
  const stream = Object.assign(new EventEmitter(), {
    destroyed: false,
    closed: false,
    headersSent: false,
    respond() {
      stream.headersSent = true
    },
    write() {},
    end() {},
    resume() {},
    sendTrailers: (trailers: Record<string, string>) => said.push(`status ${trailers['grpc-status']}`),
    close(code: number) {
      said.push(`reset ${code}`)
      stream.emit('close')
    },
  })
  const raw = new RawStream(
    stream as unknown as ServerHttp2Stream,
    { form: 'delta', type: undefined },
    {
      peer: { address: '', local: true, identities: undefined },
      requestBytes: 100,
      destroy() {},
      open: () => ({ message() {}, closed() {} }),
    },
  )
  return { stream, raw, said }
}

const refusal = { code: STATUS.resourceExhausted, message: 'too much' }
const cut = `reset ${constants.NGHTTP2_CANCEL}`

test('a client that still reads what came before its status is not cut before it has that', () => {
  const { stream, raw, said } = open()
  raw.write(Buffer.alloc(10), () => {})
  raw.close(refusal)
  vi.advanceTimersByTime(20_000)
  expect(said).toEqual([])
  stream.emit('wantTrailers')
  vi.advanceTimersByTime(4999)
  expect(said).toEqual(['status 8'])
  vi.advanceTimersByTime(1)
  expect(said).toEqual(['status 8', cut])
})

test('one that does not read is cut in the end', () => {
  const { raw, said } = open()
  raw.write(Buffer.alloc(10), () => {})
  raw.close(refusal)
  vi.advanceTimersByTime(30_000)
  expect(said).toEqual([cut])
  expect(vi.getTimerCount()).toBe(0)
})

test('a call that was refused before anything was said ends 5 s later where the client does not end it', () => {
  const { raw, said } = open()
  raw.close(refusal)
  vi.advanceTimersByTime(5000)
  expect(said).toEqual([cut])
})
