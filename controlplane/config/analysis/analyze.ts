import { compareDiagnostics, type Diagnostic } from '../../diagnostics/diagnostic.ts'
import type { LoadedConfig } from '../load.ts'
import { checkCertificateDates, checkCertificateHosts } from './certificates.ts'
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
import { checkMessageMirrors } from './message-mirrors.ts'
import { checkMsgRouterOverlap, checkMsgRouters, checkMsgRouterValues, checkProtocolNames } from './messages.ts'
import { checkSharedProxyPorts } from './proxies.ts'
import { checkUnreachable, checkWeights } from './routes.ts'
import { type Findings, runChecks } from './run-checks.ts'
import { checkSecrets } from './secrets.ts'
import {
  checkSelectors,
  checkServiceEndpoints,
  checkServiceLoops,
  checkServiceParts,
  checkServiceProtocols,
  checkTcpPorts,
} from './services.ts'
import {
  checkIngressLoops,
  checkSidecarConflicts,
  checkSidecarHosts,
  checkSidecarListenerPorts,
  checkSidecarPorts,
} from './sidecars.ts'
import { checkSpeaksFirst } from './speaks-first.ts'
import { checkVirtualServiceOverlap } from './virtual-services.ts'
import { type Check, type Of, World } from './world.ts'

/** Every check over several objects; the order does not matter. */
export const CHECKS: readonly Check[] = [
  checkDestinations,
  checkGatewayReferences,
  checkGatewayPorts,
  checkGatewayServers,
  checkSecrets,
  checkCertificateDates,
  checkCertificateHosts,
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
  checkServiceParts,
  checkServiceLoops,
  checkTcpPorts,
  checkSelectors,
  checkSidecarConflicts,
  checkSidecarPorts,
  checkIngressLoops,
  checkSidecarHosts,
  checkSidecarListenerPorts,
  checkProtocolNames,
  checkMsgRouters,
  checkMsgRouterValues,
  checkMessageMirrors,
  checkMsgRouterOverlap,
  checkSpeaksFirst,
  checkSharedProxyPorts,
]

/** What is wrong between objects, worst first, and what is remembered for the next time. */
export interface Analysis extends Findings {}

/**
 * Looks for what is wrong between objects that are right by themselves: references to nothing, rules that are never used, clashes.
 * Pure; objects come in order of precedence. References to documents that were refused are told apart from references to nothing.
 */
export function analyze(config: Pick<LoadedConfig, 'objects' | 'refused'>): readonly Diagnostic[] {
  return finish(analyzeInSteps(config)).diagnostics
}

/**
 * The same in pieces, starting from what was found in a configuration `before` that differs in little; `discovered` are the services
 * of a registry, which documents may name; `now` is ms since the epoch.
 */
export function* analyzeInSteps(
  { objects, refused }: Pick<LoadedConfig, 'objects' | 'refused'>,
  before?: Analysis,
  discovered: readonly Of<'ServiceEntry'>[] = [],
  now = Date.now(),
): Generator<void, Analysis> {
  const findings = yield* runChecks(new World(objects, refused, discovered, now), CHECKS, before)
  return { ...findings, diagnostics: [...findings.diagnostics].sort(compareDiagnostics) }
}

/** Does work in pieces at once. */
export function finish<Result>(work: Generator<void, Result>): Result {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}
