import { type JsonObject, toJson } from '@bufbuild/protobuf'
import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { registry } from '../../../proto/registry.ts'
import { configObjects } from '../../../test/helpers/objects.ts'
import { SIDECAR } from '../../../test/helpers/proxy-class.ts'
import { formatPath } from '../../diagnostics/diagnostic.ts'
import { createModel, createScope, type ProxyClass, type Scope } from '../../model/index.ts'
import { compileRouteConfiguration } from './index.ts'

// biome-ignore lint/suspicious/noExplicitAny: protobuf JSON is free; tests name the paths they look at.
type Json = any

/** For tests: the scope of one proxy class over a world of documents, and the means to replace the world. */
export function world(
  yaml: string,
  proxy: Partial<ProxyClass> = {},
): { readonly scope: Scope; readonly replace: (yaml: string) => void } {
  const model = createModel()
  model.world.commit(configObjects(yaml))
  const replace = (text: string) => {
    model.world.commit(configObjects(text))
  }
  return { scope: createScope(model, { ...SIDECAR, ...proxy }), replace }
}

/** For tests: a route table as protobuf JSON. */
export function table(yaml: string, name = 'http_proxy', proxy: Partial<ProxyClass> = {}): Json {
  const compiled = compileRouteConfiguration(world(yaml, proxy).scope, name)
  return compiled && toJson(RouteConfigurationSchema, compiled.message, { registry })
}

/** For tests: the virtual host of a table that has a domain. */
export function hostOf(tableJson: Json, domain: string): Json {
  return tableJson.virtualHosts.find((host: JsonObject) => (host['domains'] as string[]).includes(domain))
}

/** For tests: routes of `reviews`, port 80, for a VirtualService of that host with these HTTP rules (YAML list). */
export function routesOf(rules: string, proxy: Partial<ProxyClass> = {}, documents = ''): Json[] {
  return hostOf(table(`${services()}${documents}${virtualService(rules)}`, undefined, proxy), 'reviews').routes
}

/** For tests: the places that decided each of these routes. */
export function originsOf(rules: string, documents = ''): readonly (readonly string[])[] {
  const { scope } = world(`${services()}${documents}${virtualService(rules)}`)
  const host = compileRouteConfiguration(scope, 'http_proxy')!.virtualHosts.find(({ message }) =>
    message.domains.includes('reviews'),
  )!
  return host.routes.map(({ origins }) => origins.map(({ object, path }) => `${object.name} ${formatPath(path)}`))
}

/** A VirtualService named `rules` for `reviews`. */
export function virtualService(rules: string, name = 'rules', more = 'hosts: [reviews]'): string {
  return `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec:
  ${more}
  http:
${rules.trim().replace(/^/gm, '  ')}
`
}

/** `reviews` (80) with subsets v1 and v2, `ratings` (9080 and 9090) and `details` (80), all in namespace default. */
export function services(): string {
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ratings}
spec:
  hosts: [ratings.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 9080, name: http, protocol: HTTP}, {number: 9090, name: grpc, protocol: GRPC}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: details}
spec:
  hosts: [details.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
`
}
