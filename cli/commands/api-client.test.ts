import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type ApiOptions, getFromApi } from './api-client.ts'

/** An API that knows one token. */
const server = createServer((request, response) => {
  const known = request.headers.authorization === 'Bearer mg_right'
  response.statusCode = known ? 200 : 401
  response.end(JSON.stringify(known ? { ok: true } : { code: 'LOGIN_NEEDED', message: 'log in, or send a token' }))
})
let folder: string
let options: ApiOptions

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meshgate-token-'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  options = { api: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } }
})
afterEach(() => vi.unstubAllEnvs())
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

function tokenFile(text: string): string {
  const file = join(folder, 'token')
  writeFileSync(file, text)
  return file
}

describe('commands that ask the API', () => {
  it('say how to give a token when one is needed', async () => {
    await expect(getFromApi(options, '/x')).rejects.toThrow(/log in, or send a token\n.*MESHGATE_TOKEN.*--token-file/)
  })

  it('send the token of the environment', async () => {
    vi.stubEnv('MESHGATE_TOKEN', 'mg_right')
    expect(await getFromApi(options, '/x')).toEqual({ ok: true })
  })

  it('prefer the token of a file, the line end left out', async () => {
    vi.stubEnv('MESHGATE_TOKEN', 'mg_wrong')
    expect(await getFromApi({ ...options, tokenFile: tokenFile('mg_right\n') }, '/x')).toEqual({ ok: true })
  })

  it('refuse a file that is absent or holds something else, and never send it', async () => {
    await expect(getFromApi({ ...options, tokenFile: join(folder, 'absent') }, '/x')).rejects.toThrow('cannot be read')
    await expect(getFromApi({ ...options, tokenFile: tokenFile('a password') }, '/x')).rejects.toThrow('holds no token')
  })
})
