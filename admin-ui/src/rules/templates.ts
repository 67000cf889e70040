/** What a new rule begins with. */
export interface Template {
  readonly id: TemplateId
  readonly kind: string
  /** It speaks of no service. */
  readonly hostless?: true
  /** The text of a document for a host. */
  text(name: string, namespace: string, host: string): string
}

export type TemplateId = 'split' | 'fault' | 'retry' | 'breaker' | 'maglev' | 'mirror' | 'message' | 'meta' | 'protocol'

const head = (apiVersion: string, kind: string, name: string, namespace: string) =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${plain(name)}\n${namespace === '' ? '' : `  namespace: ${plain(namespace)}\n`}`

const virtualService = (name: string, namespace: string, host: string, http: string) =>
  `${head('networking.istio.io/v1', 'VirtualService', name, namespace)}spec:\n  hosts:\n    - ${plain(host)}\n  http:\n${http}`

const destinationRule = (name: string, namespace: string, host: string, policy: string) =>
  `${head('networking.istio.io/v1', 'DestinationRule', name, namespace)}spec:\n  host: ${plain(host)}\n  trafficPolicy:\n${policy}`

/** A name as YAML: in quotes where it could be read as something else. */
function plain(text: string): string {
  return /^[A-Za-z][\w.-]*$/.test(text) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(text)
    ? text
    : JSON.stringify(text)
}

export const TEMPLATES: readonly Template[] = [
  {
    id: 'split',
    kind: 'VirtualService',
    text: (name, namespace, host) =>
      virtualService(
        name,
        namespace,
        host,
        ['v1', 'v2']
          .map(
            (subset, index) =>
              `${index === 0 ? '    - route:\n' : ''}        - destination:\n            host: ${plain(host)}\n            subset: ${subset}\n          weight: ${index === 0 ? 100 : 0}\n`,
          )
          .join(''),
      ),
  },
  {
    id: 'fault',
    kind: 'VirtualService',
    text: (name, namespace, host) =>
      virtualService(
        name,
        namespace,
        host,
        `    - match:
        - headers:
            x-test:
              exact: fault
      fault:
        abort:
          httpStatus: 503
          percentage:
            value: 100
      route:
        - destination:
            host: ${plain(host)}
    - route:
        - destination:
            host: ${plain(host)}
`,
      ),
  },
  {
    id: 'retry',
    kind: 'VirtualService',
    text: (name, namespace, host) =>
      virtualService(
        name,
        namespace,
        host,
        `    - route:
        - destination:
            host: ${plain(host)}
      timeout: 5s
      retries:
        attempts: 2
        perTryTimeout: 2s
        retryOn: connect-failure,refused-stream,unavailable
`,
      ),
  },
  {
    id: 'mirror',
    kind: 'VirtualService',
    text: (name, namespace, host) =>
      virtualService(
        name,
        namespace,
        host,
        `    - route:
        - destination:
            host: ${plain(host)}
      mirrors:
        - destination:
            host: ${plain(host)}
            subset: v2
          percentage:
            value: 10
`,
      ),
  },
  {
    id: 'breaker',
    kind: 'DestinationRule',
    text: (name, namespace, host) =>
      destinationRule(
        name,
        namespace,
        host,
        `    connectionPool:
      tcp:
        maxConnections: 200
      http:
        http1MaxPendingRequests: 100
        http2MaxRequests: 400
        maxRetries: 3
    outlierDetection:
      consecutive5xxErrors: 5
      interval: 10s
      baseEjectionTime: 30s
      maxEjectionPercent: 30
`,
      ),
  },
  {
    id: 'maglev',
    kind: 'DestinationRule',
    text: (name, namespace, host) =>
      destinationRule(
        name,
        namespace,
        host,
        `    loadBalancer:
      consistentHash:
        httpHeaderName: x-user
        maglev:
          tableSize: 65537
`,
      ),
  },
  {
    id: 'message',
    kind: 'MsgRouter',
    text: (name, namespace, host) =>
      `${head('meshgate.io/v1', 'MsgRouter', name, namespace)}spec:\n  msgid: 1000\n  svrName: ${plain(host)}\n  timeout: 5s\n`,
  },
  {
    id: 'meta',
    kind: 'MetaRouter',
    text: (name, namespace, host) =>
      `${head('metaprotocol.aeraki.io/v1alpha1', 'MetaRouter', name, namespace)}spec:
  hosts:
    - ${plain(host)}
  routes:
    - name: all
      route:
        - destination:
            host: ${plain(host)}
`,
  },
  {
    id: 'protocol',
    kind: 'Protocol',
    hostless: true,
    text: (name, namespace) =>
      `${head('meshgate.io/v1', 'Protocol', name, namespace)}spec:
  # Where the fields of a frame stand, from its first byte on. Paste bytes of your traffic as hex to see whether it is right.
  frame:
    length:
      at: 0
      type: u32
      counts: all # itself included
    max: 64KiB
  message:
    kind:
      at: 4
      type: u8
      is:
        1: request
        2: response
    id: # pairs a response with its request
      at: 5
      type: u32
  fields:
    msgid: # what routes name
      at: 9
      type: u32
  reply:
    error: # to a request that the proxy cannot answer
      from: request
      bytes: 13
      set:
        kind: response
`,
  },
]
