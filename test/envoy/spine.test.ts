import { request } from 'node:http'
import { beforeAll, describe, expect, it } from 'vitest'
import { startControlPlane, startEnvoyClient } from '../helpers/control-plane.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { asVersion, meshSettings, serviceAt, splitOf, versionsOf } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'

/** From a YAML text through the control plane and a real Envoy to an upstream, and back: the whole way in one place. */

let v1: Upstream
let v2: Upstream

beforeAll(async () => {
  v1 = await startEcho('v1')
  v2 = await startEcho('v2')
})

const mesh = (httpPort: number, weights: Readonly<Record<string, number>>) => `
${meshSettings(`httpPort: ${httpPort}`)}
${serviceAt('reviews', [asVersion(v1, 'v1'), asVersion(v2, 'v2')], '{number: 9080, name: http, protocol: HTTP}')}
${versionsOf('reviews', ['v1', 'v2'])}
${splitOf('reviews', weights)}`

describe.each(['delta', 'sotw'] as const)('a stock Envoy that speaks %s', (mode) => {
  it('serves what the YAML says, follows a change, and refuses nothing', async () => {
    const httpPort = await freePort()
    const controlPlane = await startControlPlane(mesh(httpPort, { v1: 100, v2: 0 }))
    const envoy = await startEnvoyClient(controlPlane, mode, {
      id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local',
    })
    expect(await get(httpPort, 'nobody.example')).toBe('502')
    const served = async (count: number) => {
      const names: Record<string, number> = {}
      for (let call = 0; call < count; call++) {
        const name = await get(httpPort, 'reviews:9080')
        names[name] = (names[name] ?? 0) + 1
      }
      return names
    }
    expect(await served(20)).toEqual({ v1: 20 })
    await controlPlane.apply(mesh(httpPort, { v1: 0, v2: 100 }))
    expect(await served(20)).toEqual({ v2: 20 })
    expect(await envoy.rejected()).toEqual({})
    expect(controlPlane.server.status.clients()).toMatchObject([{ form: mode }])
    await envoy.stop()
    await controlPlane.stop()
  })
})

async function get(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path: '/', headers: { host } }, (response) => {
      response.resume()
      response.on('end', () => resolve(String(response.headers['x-echo-name'] ?? response.statusCode)))
    })
    call.on('error', reject)
    call.end()
  })
}
