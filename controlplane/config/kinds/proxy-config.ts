import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { message, optional } from '../schema.ts'
import { text } from '../syntax/values.ts'
import { matchLabelsSelector } from './selectors.ts'

const proxyConfigSpec = message({
  selector: optional(matchLabelsSelector, 'Proxies this is for; all of the namespace when absent.'),
  concurrency: optional(
    z.number().int().min(0).max(2_147_483_647).meta({ format: 'int32' }),
    'Worker threads; 0 means one per core.',
    {
      nullable: true,
      default: '2',
    },
  ),
  environmentVariables: optional(z.record(z.string(), text.max(2048)), 'Environment variables of the proxy.'),
  image: optional(message({ imageType: optional(text, 'Type of the image.') }), 'Image of the proxy.'),
})
export type ProxyConfigSpec = z.infer<typeof proxyConfigSpec>

export const proxyConfig: KindDefinition<ProxyConfigSpec> = {
  kind: 'ProxyConfig',
  group: 'networking.istio.io',
  versions: ['v1beta1'],
  doc: 'How proxies are started by an injector.',
  compiled: false,
  instead: 'nobody injects: start Envoy with these settings, or name it in proxies of the Mesh document',
  schema: proxyConfigSpec,
}
