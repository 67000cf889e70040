import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { LiveConfig } from '../live-config.ts'
import type { CompiledMesh } from '../mesh.ts'

/** A registry with the metrics of the process and of the configuration; names are istiod's where the meaning is the same. */
export function createMetrics(version: string, config: LiveConfig, mesh: CompiledMesh): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  new Gauge({ name: 'pilot_info', help: 'Version of the control plane.', labelNames: ['version'], registers })
    .labels(version)
    .set(1)
  new Gauge({
    name: 'pilot_services',
    help: 'Services in the registry.',
    registers,
    collect() {
      this.set(mesh.model.registry.services().length)
    },
  })
  new Gauge({
    name: 'meshgate_config_objects',
    help: 'Objects in force, by kind.',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset()
      for (const { kind } of config.objects.values()) this.labels(kind).inc()
    },
  })
  new Gauge({
    name: 'meshgate_config_diagnostics',
    help: 'Complaints about the configuration, by severity.',
    labelNames: ['severity'],
    registers,
    collect() {
      for (const severity of ['error', 'warning', 'info']) this.labels(severity).set(0)
      for (const { severity } of config.diagnostics()) this.labels(severity).inc()
    },
  })
  return registry
}
