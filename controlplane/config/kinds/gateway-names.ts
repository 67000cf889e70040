import type { Report } from '../schema.ts'
import { fqdnProblem, isDnsLabel, shown } from '../syntax/host.ts'

/**
 * Names of gateways in a VirtualService or a match: `mesh`, a name, `namespace/name`, or (old) a host name. Istio looks no
 * further than the first name without a slash; what is wrong behind it is a warning here.
 * https://github.com/istio/istio/blob/1.27.0/pkg/config/validation/validation.go (validateGatewayNames)
 */
export function gatewayNamesRule(gateways: readonly string[], reportAll: Report): void {
  const bare = gateways.findIndex((gateway) => !gateway.includes('/'))
  for (const [index, gateway] of gateways.entries()) {
    const unseen = bare >= 0 && index > bare
    const report: Report = (path, message, options) =>
      reportAll(path, message, unseen ? { code: 'FIELD_QUESTIONABLE', ...options } : options)
    const slash = gateway.indexOf('/')
    if (slash < 0) {
      const problem = gateway === '' ? 'the name of a gateway must not be empty' : fqdnProblem(gateway)
      if (problem) report([index], problem)
      else if (gateway.includes('.')) {
        const [name, namespace] = gateway.split('.')
        report([index], `old form of a gateway name`, { code: 'FIELD_DEPRECATED', hint: `write ${namespace}/${name}` })
      }
      continue
    }
    const [namespace, name] = [gateway.slice(0, slash), gateway.slice(slash + 1)]
    if (namespace === '' || name === '') report([index], 'neither namespace nor name of a gateway may be empty')
    else if (!isDnsLabel(namespace)) report([index], `${shown(namespace)} is no namespace`)
    else if (!isDnsLabel(name)) report([index], `${shown(name)} is no gateway name: it must be a DNS label`)
  }
}
