import { parseAllDocuments } from 'yaml'
import type { ConfigObject } from '../../config/object.ts'
import { createModel, createScope, type ProxyClass, type Scope } from '../../model/index.ts'
import type { Service, ServicePort } from '../../model/service.ts'

/** For tests: documents as the loader would hand them over, unchecked, by key. */
export function objectsOf(yaml: string): ReadonlyMap<string, ConfigObject> {
  const objects = new Map<string, ConfigObject>()
  for (const [index, document] of parseAllDocuments(yaml).entries()) {
    const value = document.toJS()
    const { name, namespace = 'default', labels = {}, annotations = {} } = value.metadata
    const { kind, apiVersion } = value
    const key = `${kind}/${namespace}/${name}`
    const source = {
      id: `test.yaml#${index}`,
      file: 'test.yaml',
      index,
      value,
      revision: String(index),
      locate: () => ({ file: 'test.yaml', line: 1, column: 1 }),
    }
    objects.set(key, { kind, apiVersion, name, namespace, labels, annotations, spec: value.spec, source, key })
  }
  return objects
}

export const SIDECAR: ProxyClass = {
  key: 'test',
  type: 'sidecar',
  namespace: 'default',
  labels: {},
  locality: undefined,
  httpPort: 15080,
  secretsAllowed: true,
}

/** For tests: the scope of one proxy class over a world of documents. */
export function scopeOf(yaml: string, proxy: Partial<ProxyClass> = {}): Scope {
  return mutableScope(yaml, proxy).scope
}

/** The same with the means to replace the world. */
export function mutableScope(
  yaml: string,
  proxy: Partial<ProxyClass> = {},
): { readonly scope: Scope; readonly replace: (yaml: string) => void } {
  const model = createModel()
  model.world.commit(objectsOf(yaml))
  return {
    scope: createScope(model, { ...SIDECAR, ...proxy }),
    replace: (text) => {
      model.world.commit(objectsOf(text))
    },
  }
}

/** For tests: the service and the port of `<host>:<port>`. */
export function target(scope: Scope, hostPort: string): readonly [Service, ServicePort] {
  const [host, number] = hostPort.split(':') as [string, string]
  const service = scope.service(host)!
  return [service, service.ports.find((port) => port.number === Number(number))!]
}
