import type { ServerTls } from '../kinds/server-tls.ts'
import type { Report } from '../schema.ts'
import { cipherSuiteKnown } from '../syntax/cipher-suite.ts'

const CONFLICT = { code: 'FIELD_CONFLICT' } as const

function cipherWarnings(suites: readonly string[], report: Report): void {
  const seen = new Set<string>()
  for (const [index, suite] of suites.entries()) {
    if (!cipherSuiteKnown(suite))
      report(['cipherSuites', index], `cipher suite ${suite} is unknown and ignored`, { code: 'FIELD_NO_EFFECT' })
    else if (seen.has(suite))
      report(['cipherSuites', index], `cipher suite ${suite} is listed twice`, { code: 'FIELD_NO_EFFECT' })
    seen.add(suite)
  }
}

/** Which certificates a listener's TLS mode needs, allows and excludes. */
export function serverTlsRule(tls: ServerTls, report: Report): void {
  const { mode = 'PASSTHROUGH', cipherSuites = [], tlsCertificates = [], credentialNames = [] } = tls
  if ((tls.minProtocolVersion === 'TLSV1_0' || tls.minProtocolVersion === 'TLSV1_1') && cipherSuites.length === 0)
    report(['minProtocolVersion'], 'TLS below 1.2 needs cipherSuites: the default suites do not work with it', {
      code: 'FIELD_QUESTIONABLE',
    })
  cipherWarnings(cipherSuites, report)
  const order = ['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']
  const { minProtocolVersion: min = 'TLS_AUTO', maxProtocolVersion: max = 'TLS_AUTO' } = tls
  if (min !== 'TLS_AUTO' && max !== 'TLS_AUTO' && order.indexOf(min) > order.indexOf(max))
    report(['minProtocolVersion'], `${min} is above maxProtocolVersion ${max}: no client could connect`, {
      code: 'FIELD_QUESTIONABLE',
    })

  // The rules of the API's own schema hold for a field that is present, even when it is empty.
  if (tls.tlsCertificates && tls.credentialNames)
    report(['credentialNames'], 'only one of credentialNames or tlsCertificates can be set', CONFLICT)
  if (tls.credentialName !== undefined && tls.credentialNames)
    report(['credentialNames'], 'only one of credentialName or credentialNames can be set', CONFLICT)

  const certificateFields = [
    'serverCertificate',
    'privateKey',
    'caCertificates',
    'tlsCertificates',
    'credentialName',
    'credentialNames',
  ] as const
  if (mode === 'ISTIO_MUTUAL') {
    for (const field of certificateFields)
      if (tls[field]?.length)
        report([field], `ISTIO_MUTUAL takes its certificates from the workload: ${field} cannot be set`, CONFLICT)
    return
  }
  if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') {
    for (const field of [...certificateFields, 'caCrl'] as const)
      if (tls[field]?.length)
        report([field], `${mode} does not use certificates, ${field} is ignored`, { code: 'FIELD_NO_EFFECT' })
  }
  const sources = [
    ...(tls.credentialName ? ['credentialName'] : []),
    ...(credentialNames.length > 0 ? ['credentialNames'] : []),
    ...(tlsCertificates.length > 0 ? ['tlsCertificates'] : []),
    ...(tls.serverCertificate && tls.privateKey ? ['serverCertificate'] : []),
  ]
  const reported = tls.credentialNames && (tls.tlsCertificates || tls.credentialName !== undefined)
  if (sources.length > 1 && !reported)
    report([sources[1]!], `only one of ${sources.join(', ')} may hold the certificates`, CONFLICT)
  const terminates = mode === 'SIMPLE' || mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL'
  if (terminates && (tls.credentialName || credentialNames.length > 0)) {
    if (tls.caCrl && tls.credentialName)
      report(['caCrl'], 'with credentialName the revocation list belongs into the secret', { code: 'FIELD_NO_EFFECT' })
    return
  }
  if (terminates) {
    if (mode !== 'SIMPLE' && !tls.caCertificates)
      report(['caCertificates'], `${mode} TLS requires a client CA bundle`, { code: 'FIELD_REQUIRED' })
    if (tlsCertificates.length > 0) {
      for (const [index, certificate] of tlsCertificates.entries())
        for (const field of ['serverCertificate', 'privateKey'] as const)
          if (!certificate[field])
            report(['tlsCertificates', index, field], `${mode} TLS requires ${field}`, { code: 'FIELD_REQUIRED' })
    } else {
      for (const field of ['serverCertificate', 'privateKey'] as const)
        if (!tls[field])
          report([field], `${mode} TLS requires ${field}, or a credentialName`, { code: 'FIELD_REQUIRED' })
    }
  }
  if (tls.caCrl && tls.credentialName)
    report(['caCrl'], 'with credentialName the revocation list belongs into the secret', CONFLICT)
  if (tls.caCrl && mode === 'SIMPLE')
    report(['caCrl'], 'SIMPLE TLS verifies no client, a revocation list is not supported', CONFLICT)
}
