import { RESOURCE_TYPES } from '../../../proto/types.ts'
import * as is from './parts.ts'

/** JSON schemas of what the API tells of proxies: who they are, what they have, what they report. */

const STATES = ['SYNCED', 'STALE', 'NACK', 'NOT SENT'] as const
const exchange = (description: string) => ({
  ...is.part({ nonce: is.text('Its nonce, which also numbers the state of the class.'), at: is.moment('When.') }),
  description,
})
const type = is.one(RESOURCE_TYPES, 'Type of resources, by the letters of its discovery service.')

/** Sums of requests. */
const sums = {
  issued: is.whole('Requests that were sent, each try for itself, and those that found no connection.'),
  succeeded: is.whole('Of them, those that were answered without an error.'),
  failed: is.whole('Of them, those that were answered with a server error, or not at all.'),
  inProgress: is.whole('Unfinished at the last report.'),
} as const
const dropped = is.whole(
  'Requests the proxy threw away by a circuit breaker or by the drop rules of its load assignment.',
)
const cluster = is.text('Name of the cluster, `outbound|<port>|<subset>|<host>`.')

export const proxySchemas = [
  is.object(
    'ProxyType',
    'One type of resources of a proxy.',
    {
      type,
      state: is.one(
        STATES,
        'SYNCED: it accepted all there is. STALE: something is on its way. NACK: it refuses something. NOT SENT: nothing was there to send.',
      ),
      subscribed: is.text('`*` for everything, else the number of names asked for.'),
      sent: exchange('The newest response.'),
      acked: exchange('The newest response the proxy accepted.'),
      unansweredSince: is.moment('Since when a response waits for its answer.'),
      rejected: {
        ...is.part({
          message: is.text("The proxy's own words."),
          at: is.moment('When it said so.'),
          resources: is.texts('Names of what it refuses; empty where that is not known.'),
          places: is.listOf('Place', 'Where in the documents that comes from.'),
        }),
        description: 'What the proxy refuses, in its own words, and where that comes from.',
      },
    },
    ['sent', 'acked', 'unansweredSince', 'rejected'],
  ),
  is.object(
    'Proxy',
    'A stream of a proxy.',
    {
      node: is.text('Node id.'),
      cluster: is.text('Node cluster, as the proxy says it.'),
      locality: is.text('`region/zone/subzone`; empty when none is set.'),
      userAgent: is.text('Program and version, such as `envoy/1.39.3`.'),
      mode: is.one(['delta', 'sotw'], 'Form of xDS: what differs, or the state of the world.'),
      peer: is.text('Address it is connected from.'),
      identities: is.texts('Names its certificate proves; absent when it showed none.'),
      connected: is.flag('False for one that left in the last minutes.'),
      connectedAt: is.moment('When it connected.'),
      disconnectedAt: is.moment('When it left.'),
      state: is.one(STATES, 'The worst of its types.'),
      types: is.listOf('ProxyType', 'What it asks for, by type.'),
      notices: is.texts('What is not as it should be; absent when nothing is.'),
      onDemand: is.ref('ProxyOnDemand'),
      replica: is.text('Replica of the control plane it is connected to; absent for the one that answers.'),
      load: is.ref('ProxyLoad'),
    },
    ['identities', 'replica', 'disconnectedAt', 'notices', 'onDemand', 'load'],
  ),
  is.object('ProxyOnDemand', 'What a proxy has that gets clusters when a request needs them.', {
    workload: is.text('The workload it is a replica of.'),
    clusters: is.whole('Clusters it has by name.'),
    learned: is.whole('Clusters a new replica of the workload gets at once.'),
    evicted: is.whole('Clusters its class has let go of so far.'),
    notices: is.texts('What is not as it should be.'),
  }),
  is.object(
    'ProxyExchange',
    'A response to a proxy, or its answer to one.',
    {
      type,
      event: is.one(['sent', 'ack', 'nack'], 'Whether it was sent, accepted or refused.'),
      at: is.moment('When.'),
      nonce: is.text('Of the response; an answer to it also answers those before it.'),
      resources: is.whole('Resources in the response.'),
      removed: is.whole('Names it takes away.'),
      message: is.text("The proxy's own words about why it refuses."),
    },
    ['message'],
  ),
  is.object('HeldConfig', 'A resource as a proxy has it.', {
    name: is.text('Name on the wire.'),
    version: is.text('Hash of its bytes.'),
    acknowledged: is.flag('False while its newest version is on its way.'),
    places: is.listOf('Place', 'Where in the documents it comes from.'),
    config: is.envoyMessage,
  }),
  is.object('ProxyLoad', 'What a proxy sent, from its load reports; sums since it began to report.', {
    reporting: is.flag('False when it stopped.'),
    reportedAt: is.moment('When the last report came.'),
    intervalMs: is.whole('Length of the last interval.'),
    clusters: is.whole('Clusters it has.'),
    used: is.whole('Clusters with requests in the last interval.'),
    ...sums,
    dropped,
  }),
  is.object('ClusterLoad', 'What a proxy sent to one cluster.', {
    cluster,
    firstReportedAt: is.moment('When it was first listed.'),
    lastUsedAt: is.moment('End of the last interval with requests; a new cluster counts as used.'),
    ...sums,
    dropped,
    localities: is.parts('The same by where the endpoints are; `issued` are those that were sent.', {
      locality: is.text('`region/zone/subzone`; empty when endpoints have none.'),
      ...sums,
    }),
  }),
  is.object('ClusterTotals', 'What all proxies sent to one cluster.', { cluster, ...sums, dropped }),
  is.object(
    'ServiceFigures',
    'Traffic of one service in a window of time.',
    { hostname: is.text('Full name of the service.'), ...is.figures },
    is.NO_LATENCY,
  ),
  is.object(
    'ServiceCourse',
    'Traffic of one service in a window of time, by cluster and by time.',
    {
      hostname: is.text('Full name of the service.'),
      from: is.moment('Where the window begins.'),
      seconds: is.whole('How long it is: less than asked for where counters have not been read that long.'),
      reading: is.whole('How many proxies have their counters read; the others send load reports.'),
      ...is.figures,
      clusters: is.parts('Its clusters with requests, by name.', {
        cluster: is.text('`outbound|<port>|<subset>|<host>`.'),
        requests: is.whole('That came to an end.'),
        failed: is.whole('Of these.'),
      }),
      steps: is.parts(
        'Steps of five seconds with requests, the oldest first.',
        { at: is.whole('ms since 1970.'), ...is.figures },
        is.NO_LATENCY,
      ),
    },
    is.NO_LATENCY,
  ),
  is.object(
    'Edge',
    'What one workload sent to one cluster, counted from access logs since the control plane began to take them.',
    {
      caller: {
        ...is.part({ workload: is.text('Its name.'), namespace: is.text('Its namespace.') }),
        description: 'The workload that called.',
      },
      cluster: is.text('Empty when none was chosen.'),
      host: is.text('Of an outbound cluster.'),
      port: is.whole('Of an outbound cluster.'),
      subset: is.text('Of an outbound cluster; absent when it has none.'),
      requests: is.whole('HTTP requests.'),
      connections: is.whole('TCP connections.'),
      statuses: is.counts('Requests by `1xx` … `5xx`, `none`.'),
      flags: is.counts("By Envoy's response flags."),
      durationMs: is.number('Sum.'),
      received: is.whole('Bytes of TCP connections from the client.'),
      sent: is.whole('Bytes of TCP connections to the client.'),
      lastSeenAt: is.moment('When the last one was reported.'),
      recent: {
        ...is.part(
          {
            requests: is.whole('Requests and connections.'),
            errors: is.whole('Of these: server errors and no answers.'),
            durationMs: is.number('Sum.'),
            ...is.times,
          },
          is.NO_LATENCY,
        ),
        description: 'Of the asked window.',
      },
    },
    ['host', 'port', 'subset'],
  ),
] as const
