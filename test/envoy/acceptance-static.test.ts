import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { staticBootstrap } from '../../controlplane/bootstrap/static.ts'
import type { ClassView } from '../../controlplane/xds/class-view.ts'
import { reachable, resourceJson } from '../../controlplane/xds/dump.ts'
import { casesFolder } from '../helpers/cases.ts'
import { testCa } from '../helpers/certificates.ts'
import { validateEnvoy } from '../helpers/envoy.ts'
import { testFolder } from '../helpers/folders.ts'
import { sampleMesh } from '../helpers/samples.ts'

/** Documents others wrote, compiled for a sidecar and for a gateway and given to Envoy as one static file. */

const folder = testFolder('acceptance')

beforeAll(async () => {
  const ca = await testCa()
  const { cert, key } = await ca.issue('any', { dns: ['any.example'] })
  writeFileSync(join(folder, 'cert.pem'), cert)
  writeFileSync(join(folder, 'key.pem'), key)
  writeFileSync(join(folder, 'ca.pem'), ca.cert)
})

/** Certificate files of the samples do not exist here: real ones take their place. */
function withRealFiles<T>(value: T): T {
  const text = JSON.stringify(value)
    .replaceAll(/"filename":"[^"]*(key)[^"]*"/g, `"filename":${JSON.stringify(join(folder, 'key.pem'))}`)
    .replaceAll(/"filename":"[^"]*(root|ca)[^"/]*"/g, `"filename":${JSON.stringify(join(folder, 'ca.pem'))}`)
    .replaceAll(
      /"filename":"(?!\/tmp|\/var|[^"]*(?:key|ca)\.pem)[^"]*"/g,
      `"filename":${JSON.stringify(join(folder, 'cert.pem'))}`,
    )
    .replaceAll(/"watchedDirectory":\{"path":"[^"]*"\}/g, `"watchedDirectory":{"path":${JSON.stringify(folder)}}`)
  return JSON.parse(text)
}

async function verdict(view: ClassView) {
  const { cds, eds, lds, rds, sds } = reachable(view)
  const json = (resources: typeof cds) => resources.map((resource) => resourceJson(resource, { secrets: true }))
  const bootstrap = staticBootstrap({
    node: { id: 'test', cluster: 'test' },
    resources: {
      clusters: json(cds),
      endpoints: json(eds),
      listeners: json(lds),
      routes: json(rds),
      secrets: json(sds),
    },
  })
  return validateEnvoy(withRealFiles(bootstrap))
}

for (const set of ['istio-samples', 'istio-crds/valid', 'metarouter']) {
  const cases = casesFolder(set)
  const files = cases ? readdirSync(cases).filter((file) => file.endsWith('.yaml')) : []
  describe.skipIf(!cases)(`Envoy accepts what ${set} compiles to`, () => {
    it.each(files)('%s', { concurrent: true }, async (file) => {
      const sample = sampleMesh(readFileSync(join(cases!, file), 'utf8'))
      const namespaces = new Set([...sample.objects.values()].map(({ namespace }) => namespace))
      for (const namespace of namespaces)
        for (const view of [sample.sidecar(namespace), sample.gateway(namespace)])
          expect(await verdict(view)).toEqual({ ok: true, error: '' })
    })
  })
}
