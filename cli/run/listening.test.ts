import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { promisify } from 'node:util'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CommandError, UsageError } from '../errors.ts'
import { listening } from './listening.ts'

const taken = createServer()
let address = { host: '127.0.0.1', port: 0 }

beforeAll(async () => {
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  address = { host: '127.0.0.1', port: (taken.address() as AddressInfo).port }
})
afterAll(() => {
  taken.close()
})

const failing = (error: Error) => () => Promise.reject(error)

describe('a listen call that fails', () => {
  it('says that the port is taken and which option chooses another, for a socket', async () => {
    const server = createServer()
    const told = listening('admin', address, async () => {
      server.listen(address.port, address.host)
      await once(server, 'listening')
    })
    await expect(told).rejects.toThrow(CommandError)
    await expect(told).rejects.toThrow(`127.0.0.1:${address.port} is in use`)
    await expect(told).rejects.toThrow('choose another address with --admin HOST:PORT')
  })

  it('says the same for a server of gRPC, whose errors have no code', async () => {
    const server = new Server()
    const bind = promisify(server.bindAsync.bind(server))
    const told = listening('listen', address, () =>
      bind(`127.0.0.1:${address.port}`, ServerCredentials.createInsecure()),
    )
    await expect(told).rejects.toThrow('choose another address with --listen HOST:PORT')
    server.forceShutdown()
  })

  it('names the option for an address of another machine, and for a port this user may not have', async () => {
    const elsewhere = failing(Object.assign(new Error('bind'), { code: 'EADDRNOTAVAIL' }))
    await expect(listening('api', address, elsewhere)).rejects.toThrow('is no address of this machine; change --api')
    const refused = failing(Object.assign(new Error('bind'), { code: 'EACCES' }))
    await expect(listening('api', address, refused)).rejects.toThrow('may not listen on 127.0.0.1')
  })

  it('is wrong usage where the xDS server itself refuses the address; anything else stays what it is', async () => {
    await expect(listening('xds', address, failing(new Error('no address')))).rejects.toThrow(UsageError)
    const other = Object.assign(new Error('out of files'), { code: 'EMFILE' })
    await expect(listening('api', address, failing(other))).rejects.toBe(other)
  })
})
