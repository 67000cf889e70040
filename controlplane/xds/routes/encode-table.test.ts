import { expect, it } from 'vitest'
import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { encode } from '../../../proto/make.ts'
import { services, virtualService, world } from './fixture.ts'
import { compileRouteConfiguration } from './index.ts'

it('a table put together from encoded virtual hosts has the bytes of the whole message', () => {
  const rules = virtualService(
    '- name: a\n  fault: {abort: {httpStatus: 500, percentage: {value: 1}}}\n  corsPolicy: {allowMethods: [GET]}\n  route: [{destination: {host: reviews}}]',
  )
  const egress =
    '---\nkind: Sidecar\nmetadata: {name: s}\nspec: {egress: [{port: {number: 80, protocol: HTTP, name: a}, hosts: ["*/*"]}, {hosts: ["*/*"]}]}\n'
  const { scope } = world(services() + rules + egress)
  for (const name of ['http_proxy', '80']) {
    const { message, bytes } = compileRouteConfiguration(scope, name)!
    expect(Buffer.from(bytes).equals(encode(RouteConfigurationSchema, message))).toBe(true)
  }
})
