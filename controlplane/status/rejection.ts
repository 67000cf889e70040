import type { ResourceType } from '../../proto/types.ts'
import { type Diagnostic, formatPath } from '../diagnostics/diagnostic.ts'
import type { Rejection } from './last-good.ts'

/** A rejection as a complaint at the line of YAML the resource came from. */
export function toDiagnostic(rejection: Rejection): Diagnostic {
  const { resource, origins, error, pinned, servedVersion, refusedBy, unableBy, acceptedBy } = rejection
  const origin = origins[0]
  const location = origin?.object.source.locate(origin.path) ?? { file: '', line: 0, column: 0 }
  if (refusedBy.size === 0)
    return {
      code: 'XDS_REJECTED',
      severity: 'warning',
      message: `${unableBy.size === 1 ? 'a proxy' : `${unableBy.size} proxies`} cannot open ${WORDS[resource.type]} "${resource.name}": ${error}`,
      ...location,
      path: origin ? formatPath(origin.path) : '',
      hint: 'a matter of its machine: free the address there, it is offered again within two minutes; others get it as it is',
    }
  const who = acceptedBy > 0 ? `${refusedBy.size} of ${refusedBy.size + acceptedBy} proxies` : 'proxies'
  return {
    code: 'XDS_REJECTED',
    severity: pinned || acceptedBy === 0 ? 'error' : 'warning',
    message: `${who} refused ${WORDS[resource.type]} "${resource.name}": ${error}`,
    ...location,
    path: origin ? formatPath(origin.path) : '',
    hint: !pinned
      ? 'the proxies that refused it keep what they had'
      : servedVersion
        ? 'its last accepted version is served instead'
        : 'no version of it was ever accepted: it is left out',
  }
}

const WORDS: Record<ResourceType, string> = {
  cds: 'cluster',
  eds: 'endpoints',
  lds: 'listener',
  rds: 'route configuration',
  vhds: 'virtual host',
  sds: 'secret',
  pds: 'protocol',
  mrds: 'message route table',
  mlds: 'message listener',
}
