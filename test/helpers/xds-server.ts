import { Tail } from '../../cli/processes/tail.ts'
import type { Logger } from '../../controlplane/ads/logger.ts'
import { XdsServer, type XdsServerOptions } from '../../controlplane/ads/server.ts'
import type { Mesh } from '../../controlplane/xds/resource.ts'
import { tellOnFailure } from './failure-account.ts'

/** A control plane's xDS server in this process; what it logged and how its clients stand is told when a test fails. */
export function xdsServer(mesh: Mesh, options: XdsServerOptions = {}): XdsServer {
  const lines = new Tail(40)
  const level = (name: keyof Logger): Logger[keyof Logger] => {
    return (fields, message) => {
      lines.add(`${name} ${message} ${JSON.stringify(fields)}`)
      options.logger?.[name](fields, message)
    }
  }
  const debug: Logger['debug'] = (fields, message) => options.logger?.debug(fields, message)
  const logger = { debug, info: level('info'), warn: level('warn'), error: level('error') }
  const server = new XdsServer(mesh, { ...options, logger })
  tellOnFailure('control plane of this test', () => `${lines.text()}\n${clientsOf(server)}`)
  return server
}

function clientsOf({ status }: XdsServer): string {
  return status
    .clients()
    .map(({ node, disconnectedAt, types }) => {
      const states = types.map(({ type, state, nack }) => `${type} ${state} ${nack?.message ?? ''}`.trim())
      return `client ${node.id}${disconnectedAt === undefined ? '' : ' (gone)'}: ${states.join(', ')}`
    })
    .join('\n')
}
