import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { checked, message, optional, required, valid } from '../schema.ts'
import { shown } from '../syntax/host.ts'
import { requestUriScheme } from '../syntax/request-uri.ts'
import { int32, text } from '../syntax/values.ts'
import { policyTarget, policyTargetRule } from './policy-target.ts'

const SCHEMES = ['', 'http', 'https', 'file', 'oci']

/** A URL, or a name that becomes one with `http://` before it, as registries are written without a scheme. */
function urlProblem(value: string): string | undefined {
  const scheme = requestUriScheme(value) ?? requestUriScheme(`http://${value}`)
  if (scheme !== undefined && SCHEMES.includes(scheme)) return undefined
  const port = scheme !== undefined && /^[^/]+:\d/.test(value) ? '; write oci:// before a registry with a port' : ''
  return `url must have schema one of [http, https, file, oci], found ${shown(value)}${port}`
}

const envVariable = checked(
  message({
    name: required(text.min(1).max(256), 'Name of the variable.'),
    valueFrom: optional(z.enum(['INLINE', 'HOST']), 'Where the value comes from.', { default: 'INLINE' }),
    value: optional(text.max(2048), 'The value, for INLINE.'),
  }),
  ({ valueFrom, value }, report) => {
    if (valueFrom === 'HOST' && value !== undefined)
      report(['value'], 'value may only be set when valueFrom is INLINE', { code: 'FIELD_CONFLICT' })
  },
)

const vmConfig = checked(
  message({ env: optional(z.array(envVariable).max(256), 'Environment variables of the module.') }),
  ({ env = [] }, report) => {
    const seen = new Set<string>()
    for (const [index, { name }] of env.entries()) {
      if (seen.has(name)) report(['env', index, 'name'], `Duplicate value: ${shown(name)} is already defined`)
      seen.add(name)
    }
  },
)

const wasmShape = {
  url: required(valid(text.min(1), urlProblem, 'uri'), 'Where the module is: oci (default), file, http or https.'),
  sha256: optional(text.regex(/^(?:|[a-f0-9]{64})$/), 'SHA-256 of the module.'),
  imagePullPolicy: optional(
    z.enum(['UNSPECIFIED_POLICY', 'IfNotPresent', 'Always']),
    'When the module is fetched again.',
  ),
  imagePullSecret: optional(text.min(1).max(253), 'Secret with the credentials of the registry.'),
  verificationKey: optional(text, 'Key to verify the image with.'),
  pluginConfig: optional(z.record(z.string(), z.unknown()), 'Configuration the module gets.'),
  pluginName: optional(text.min(1).max(256), 'Name of the plugin in the module.'),
  failStrategy: optional(z.enum(['FAIL_CLOSE', 'FAIL_OPEN', 'FAIL_RELOAD']), 'What happens when the module fails.', {
    default: 'FAIL_CLOSE',
  }),
  vmConfig: optional(vmConfig, 'Settings of the virtual machine.'),
  type: optional(z.enum(['UNSPECIFIED_PLUGIN_TYPE', 'HTTP', 'NETWORK']), 'Kind of filter.', { default: 'HTTP' }),
}

const trafficMatch = checked(
  message({
    mode: optional(z.enum(['UNDEFINED', 'CLIENT', 'SERVER', 'CLIENT_AND_SERVER']), 'Side of the traffic.', {
      default: 'CLIENT_AND_SERVER',
    }),
    ports: optional(
      z.array(message({ number: required(z.number().int().min(1).max(65_535), 'Port number.') })),
      'Ports.',
    ),
  }),
  ({ ports = [] }, report) => {
    const seen = new Set<number>()
    for (const [index, { number }] of ports.entries()) {
      if (seen.has(number)) report(['ports', index, 'number'], `Duplicate value: port ${number} is already listed`)
      seen.add(number)
    }
  },
)

const wasmPluginFields = message({
  ...policyTarget,
  ...wasmShape,
  phase: optional(z.enum(['UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS']), 'Place in the filter chain.'),
  priority: optional(int32, 'Order within the phase, the highest first.', { nullable: true, default: '0' }),
  match: optional(z.array(trafficMatch), 'Traffic this is for.'),
})
const wasmPluginSpec = checked(wasmPluginFields, policyTargetRule)
export type WasmPluginSpec = z.infer<typeof wasmPluginFields>

export const wasmPlugin: KindDefinition<WasmPluginSpec> = {
  kind: 'WasmPlugin',
  group: 'extensions.istio.io',
  versions: ['v1alpha1'],
  doc: 'WebAssembly filters for proxies.',
  compiled: false,
  instead: 'no filter is added: add it in an EnvoyResource with a listener of your own',
  specRequired: true,
  schema: wasmPluginSpec,
}

const { targetRef: _targetRef, ...extensionTarget } = policyTarget

const trafficExtensionFields = message(
  {
    ...extensionTarget,
    match: optional(z.array(trafficMatch), 'Traffic this is for.'),
    phase: optional(z.enum(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS']), 'Place in the filter chain.'),
    priority: optional(int32, 'Order within the phase, the highest first.', { nullable: true, default: '0' }),
    wasm: optional(message(wasmShape), 'A WebAssembly filter.'),
    lua: optional(message({ inlineCode: required(text.min(1).max(65_536), 'The script.') }), 'A Lua filter.'),
  },
  [['wasm', 'lua']],
)
const trafficExtensionSpec = checked(trafficExtensionFields, (spec, report) => {
  policyTargetRule(spec, report)
  if (!spec.wasm && !spec.lua) report([], 'exactly one of wasm or lua must be set', { code: 'FIELD_REQUIRED' })
})
export type TrafficExtensionSpec = z.infer<typeof trafficExtensionFields>

export const trafficExtension: KindDefinition<TrafficExtensionSpec> = {
  kind: 'TrafficExtension',
  group: 'extensions.istio.io',
  versions: ['v1alpha1'],
  doc: 'WebAssembly or Lua filters for proxies.',
  compiled: false,
  instead: 'no filter is added: add it in an EnvoyResource with a listener of your own',
  specRequired: true,
  schema: trafficExtensionSpec,
}
