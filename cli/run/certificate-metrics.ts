import { Gauge, type Registry } from 'prom-client'
import { secretUntil } from '../../controlplane/config/analysis/certificates.ts'
import type { Of } from '../../controlplane/config/analysis/world.ts'
import type { LiveConfig } from '../../controlplane/live-config.ts'

/**
 * When certificates end, for alarms: those of our own servers, by a function that says ms since the epoch, and those of Secrets in
 * force.
 */
export function certificateMetrics(
  registry: Registry,
  config: Pick<LiveConfig, 'objects'>,
  own: Readonly<Record<string, () => number | undefined>>,
): void {
  new Gauge({
    name: 'meshgate_certificate_expiry_timestamp_seconds',
    help: 'When a certificate ends: of the servers xds, api and ratelimit, and of Secrets (namespace/name).',
    labelNames: ['certificate'],
    registers: [registry],
    collect() {
      this.reset()
      const set = (name: string, until: number | undefined) => {
        if (until !== undefined) this.labels(name).set(until / 1000)
      }
      for (const [name, until] of Object.entries(own)) set(name, until())
      for (const object of config.objects.values())
        if (object.kind === 'Secret') set(`${object.namespace}/${object.name}`, secretUntil(object as Of<'Secret'>))
    },
  })
}
