import type { ProxyClass } from '../../controlplane/model/index.ts'

/** A class of sidecars without labels, in the namespace default. */
export const SIDECAR: ProxyClass = {
  key: 'test',
  type: 'sidecar',
  namespace: 'default',
  labels: {},
  locality: undefined,
  httpPort: 15080,
  secretsAllowed: true,
}
