import { compareDiagnostics, type Diagnostic } from '../../diagnostics/diagnostic.ts'
import type { LoadedConfig } from '../load.ts'
import { checkDelegates } from './delegates.ts'
import {
  checkClientTls,
  checkDestinationRuleConflicts,
  checkDestinationRuleHosts,
  checkHash,
} from './destination-rules.ts'
import { checkDestinations } from './destinations.ts'
import { checkGatewayServers } from './gateway-servers.ts'
import { checkGatewayPorts, checkGatewayReferences } from './gateways.ts'
import { checkMsgRouterOverlap, checkMsgRouters, checkProtocolNames } from './messages.ts'
import { checkSharedProxyPorts } from './proxies.ts'
import { checkUnreachable, checkWeights } from './routes.ts'
import { checkSecrets } from './secrets.ts'
import { checkSelectors, checkServiceEndpoints, checkServiceProtocols, checkTcpPorts } from './services.ts'
import { checkSidecarConflicts, checkSidecarHosts, checkSidecarListenerPorts, checkSidecarPorts } from './sidecars.ts'
import { checkVirtualServiceOverlap } from './virtual-services.ts'
import { type Check, runChecks, World } from './world.ts'

/** Every check over several objects; the order does not matter. */
export const CHECKS: readonly Check[] = [
  checkDestinations,
  checkGatewayReferences,
  checkGatewayPorts,
  checkGatewayServers,
  checkSecrets,
  checkDelegates,
  checkUnreachable,
  checkWeights,
  checkVirtualServiceOverlap,
  checkDestinationRuleConflicts,
  checkDestinationRuleHosts,
  checkClientTls,
  checkHash,
  checkServiceEndpoints,
  checkServiceProtocols,
  checkTcpPorts,
  checkSelectors,
  checkSidecarConflicts,
  checkSidecarPorts,
  checkSidecarHosts,
  checkSidecarListenerPorts,
  checkProtocolNames,
  checkMsgRouters,
  checkMsgRouterOverlap,
  checkSharedProxyPorts,
]

/**
 * Looks for what is wrong between objects that are right by themselves: references to nothing, rules that are never used, clashes.
 * Pure; objects come in order of precedence. References to documents that were refused are told apart from references to nothing.
 */
export function analyze({ objects, refused }: Pick<LoadedConfig, 'objects' | 'refused'>): Diagnostic[] {
  return [...runChecks(new World(objects, refused), CHECKS)].sort(compareDiagnostics)
}
