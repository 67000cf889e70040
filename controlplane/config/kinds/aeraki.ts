import * as z from 'zod'
import { type KindDefinition, reportExportTo } from '../kind.ts'
import { weightsRule } from '../rules/destination.ts'
import { stringMatchRule } from '../rules/string-match.ts'
import { checked, message, optional, type Report, required } from '../schema.ts'
import { wildcardDomainProblem } from '../syntax/host.ts'
import { bool, double, duration, int32, strings, text, uint32 } from '../syntax/values.ts'
import { destination, exportTo, percent, stringMatch } from './common.ts'
import { tcpKeepalive } from './traffic-policy.ts'

const GROUP = 'metaprotocol.aeraki.io'

export const metaRouteMatch = message({
  attributes: optional(
    z.record(z.string(), stringMatch),
    'Attributes of the message, all of which must match; values are strings.',
  ),
})
export type MetaRouteMatch = z.infer<typeof metaRouteMatch>

const tokenBucket = message({
  maxTokens: optional(uint32, 'Most messages at once.'),
  tokensPerFill: optional(uint32, 'Messages added at each interval.', { nullable: true, default: '1' }),
  fillInterval: optional(duration, 'Time between two fills.'),
})

const mutation = message({ key: optional(text, 'Name of the attribute.'), value: optional(text, 'New value.') })

export const metaRoute = checked(
  message({
    name: optional(text, 'Name of the route, for logs.'),
    match: optional(metaRouteMatch, 'Condition; none matches everything.'),
    route: optional(
      z.array(
        message({
          destination: optional(destination, 'Where the message goes.'),
          weight: optional(uint32, 'Share of messages.'),
        }),
      ),
      'Destinations with their shares.',
    ),
    mirror: optional(destination, 'Where a copy of the messages goes.'),
    mirrorPercentage: optional(percent, 'Part of messages that are copied.', { default: '100' }),
    requestMutation: optional(z.array(mutation), 'Attributes to set in requests.'),
    responseMutation: optional(z.array(mutation), 'Attributes to set in responses.'),
  }),
  (route, report) => {
    if ((route.route ?? []).length === 0) report(['route'], 'route is required', { code: 'FIELD_REQUIRED' })
    weightsRule(route.route ?? [], (path, ...rest) => report(['route', ...path], ...rest))
    const copied = route.mirrorPercentage?.value
    if (copied !== undefined && (copied < 0 || copied > 100))
      report(['mirrorPercentage', 'value'], `percentage ${copied} is not in range 0..100`)
    matchRule(route.match, ['match'], report)
  },
)

function matchRule(match: MetaRouteMatch | undefined, path: readonly (string | number)[], report: Report): void {
  for (const [name, value] of Object.entries(match?.attributes ?? {}))
    stringMatchRule(value, [...path, 'attributes', name], report)
}

const metaRouterFields = message({
  hosts: optional(strings, 'Hosts the rules are for.'),
  gateways: optional(strings, 'Gateways the rules apply to.'),
  routes: optional(z.array(metaRoute), 'Rules; the first that matches is taken.'),
  localRateLimit: optional(
    message({
      tokenBucket: optional(tokenBucket, 'Limit of messages that no condition matches.'),
      conditions: optional(
        z.array(
          message({
            tokenBucket: optional(tokenBucket, 'The limit.'),
            match: optional(metaRouteMatch, 'Messages it is for.'),
          }),
        ),
        'Limits of messages that match.',
      ),
    }),
    'Limits that each proxy counts by itself.',
  ),
  globalRateLimit: optional(
    message({
      domain: optional(text, 'Domain the rate limit service knows.'),
      match: optional(metaRouteMatch, 'Messages to ask for.'),
      descriptors: optional(
        z.array(
          message({
            property: optional(text, 'Attribute whose value is sent.'),
            descriptorKey: optional(text, 'Key it is sent under.'),
          }),
        ),
        'What the service is told.',
      ),
      requestTimeout: optional(duration, 'Longest time for an answer.', { default: '20ms' }),
      denyOnFail: optional(bool, 'Whether messages are refused when the service fails.', { default: 'false' }),
      rateLimitService: optional(text, 'Cluster of the service.'),
    }),
    'Limits that a service counts for all proxies.',
  ),
  exportTo,
})
export const metaRouterSpec = checked(metaRouterFields, (spec, report) => {
  if ((spec.hosts ?? []).length === 0) report(['hosts'], 'hosts is required', { code: 'FIELD_REQUIRED' })
  for (const [index, host] of (spec.hosts ?? []).entries()) {
    const problem = wildcardDomainProblem(host)
    if (problem) report(['hosts', index], problem)
  }
  for (const [index, { match }] of (spec.localRateLimit?.conditions ?? []).entries())
    matchRule(match, ['localRateLimit', 'conditions', index, 'match'], report)
  matchRule(spec.globalRateLimit?.match, ['globalRateLimit', 'match'], report)
})
export type MetaRouterSpec = z.infer<typeof metaRouterFields>

export const metaRouter: KindDefinition<MetaRouterSpec> = {
  kind: 'MetaRouter',
  group: GROUP,
  versions: ['v1alpha1'],
  doc: 'Rules that say where messages of a private protocol go.',
  compiled: false,
  schema: metaRouterSpec,
  check: (spec, { namespace }, report) => reportExportTo(spec.exportTo, namespace, report),
}

export const applicationProtocolSpec = message({
  protocol: required(text.min(1), 'Name of the protocol; ports named tcp-metaprotocol-NAME use it.'),
  codec: required(text.min(1), 'Name of the codec.'),
})
export type ApplicationProtocolSpec = z.infer<typeof applicationProtocolSpec>

export const applicationProtocol: KindDefinition<ApplicationProtocolSpec> = {
  kind: 'ApplicationProtocol',
  group: GROUP,
  versions: ['v1alpha1'],
  doc: 'Names a private protocol and its codec.',
  compiled: false,
  schema: applicationProtocolSpec,
}

export const dubboAuthorizationPolicySpec = message({
  rules: optional(
    z.array(
      message({
        from: optional(
          z.array(
            message({
              source: optional(
                message({
                  principals: optional(strings, 'Identities of the caller.'),
                  notPrincipals: optional(strings, 'Identities that do not match.'),
                  namespaces: optional(strings, 'Namespaces of the caller.'),
                  notNamespaces: optional(strings, 'Namespaces that do not match.'),
                }),
                'The caller.',
              ),
            }),
          ),
          'Callers, one of which must match.',
        ),
        to: optional(
          z.array(
            message({
              operation: optional(
                message({
                  interfaces: optional(strings, 'Interfaces.'),
                  notInterfaces: optional(strings, 'Interfaces that do not match.'),
                  methods: optional(strings, 'Methods.'),
                  notMethods: optional(strings, 'Methods that do not match.'),
                }),
                'What is called.',
              ),
            }),
          ),
          'Operations, one of which must match.',
        ),
      }),
    ),
    'Rules, one of which must match.',
  ),
  action: optional(z.enum(['ALLOW', 'DENY']), 'What happens when a rule matches.', { default: 'ALLOW' }),
})

export const dubboAuthorizationPolicy: KindDefinition = {
  kind: 'DubboAuthorizationPolicy',
  group: 'dubbo.aeraki.io',
  versions: ['v1alpha1'],
  doc: 'Who may call which Dubbo method.',
  compiled: false,
  schema: dubboAuthorizationPolicySpec,
}

const redisAuth = message(
  {
    secret: optional(
      message({
        name: optional(text, 'Name of the Secret.'),
        passwordField: optional(text, 'Key of the password.', { default: 'password' }),
        usernameField: optional(text, 'Key of the user name.', { default: 'username' }),
      }),
      'Credentials from a Secret.',
    ),
    plain: optional(
      message({ username: optional(text, 'User name.'), password: optional(text, 'Password.') }),
      'Credentials as plain text.',
    ),
  },
  [['secret', 'plain']],
)

export const redisDestinationSpec = message({
  host: required(text.min(1), 'Service the settings are for.'),
  trafficPolicy: optional(
    message({
      connectionPool: optional(
        message({
          tcp: optional(
            message({
              maxConnections: optional(int32, 'Most connections to the host.'),
              connectTimeout: optional(duration, 'Longest time to open a connection.'),
              tcpKeepalive: optional(tcpKeepalive, 'SO_KEEPALIVE on connections to the host.'),
            }),
            'Limits for connections.',
          ),
          redis: optional(
            message({
              auth: optional(redisAuth, 'Credentials of the host.'),
              mode: optional(z.enum(['PROXY', 'CLUSTER']), 'Single nodes or a Redis Cluster.', { default: 'PROXY' }),
              discoveryEndpoints: optional(strings, 'Nodes of the cluster to start with.'),
            }),
            'Settings of Redis.',
          ),
        }),
        'Connections to the host.',
      ),
    }),
    'Policy of the host.',
  ),
})

export const redisDestination: KindDefinition = {
  kind: 'RedisDestination',
  group: 'redis.aeraki.io',
  versions: ['v1alpha1'],
  doc: 'How a Redis service is reached.',
  compiled: false,
  schema: redisDestinationSpec,
}

const redisRoute = message({ host: optional(text, 'Service.'), port: optional(uint32, 'Port.') })

export const redisServiceSpec = message({
  host: required(strings, 'Hosts the rules are for.'),
  settings: optional(
    message({
      auth: optional(redisAuth, 'Credentials that clients must send.'),
      opTimeout: optional(duration, 'Longest time of a command.'),
      caseInsensitive: optional(bool, 'Compare key prefixes without case.'),
      enableHashtagging: optional(bool, 'Hash only the part of the key in braces.'),
      enableRedirection: optional(bool, 'Follow MOVED and ASK.'),
      enableCommandStats: optional(bool, 'Count commands.'),
      maxBufferSizeBeforeFlush: optional(uint32, 'Bytes collected before they are sent.'),
      bufferFlushTimeout: optional(duration, 'Longest time bytes are collected.'),
      maxUpstreamUnknownConnections: optional(uint32, 'Most connections to nodes learned by redirection.', {
        nullable: true,
      }),
      readPolicy: optional(
        z.enum(['MASTER', 'PREFER_MASTER', 'REPLICA', 'PREFER_REPLICA', 'ANY']),
        'Nodes that serve reads.',
        {
          default: 'MASTER',
        },
      ),
    }),
    'Settings of the proxy.',
  ),
  redis: optional(
    z.array(
      message({
        match: optional(
          message({
            key: optional(
              message({
                prefix: optional(text, 'Prefix of the key.'),
                removePrefix: optional(bool, 'Whether it is cut off.'),
              }),
              'Condition on the key.',
            ),
          }),
          'Commands this is for.',
        ),
        route: optional(redisRoute, 'Where commands go.'),
        mirror: optional(
          z.array(
            message({
              route: optional(redisRoute, 'Where copies go.'),
              percentage: optional(percent, 'Part of commands that are copied.'),
              excludeReadCommands: optional(bool, 'Copy writes only.'),
            }),
          ),
          'Copies of commands.',
        ),
      }),
    ),
    'Rules; the longest prefix is taken.',
  ),
  faults: optional(
    z.array(
      message({
        type: optional(z.enum(['DELAY', 'ERROR']), 'Kind of fault.'),
        percentage: optional(message({ value: optional(double, 'Percentage from 0 to 100.') }), 'Part of commands.'),
        delay: optional(duration, 'How long a command is held back.'),
        commands: optional(strings, 'Commands the fault is for.'),
      }),
    ),
    'Faults to inject.',
  ),
})

export const redisService: KindDefinition = {
  kind: 'RedisService',
  group: 'redis.aeraki.io',
  versions: ['v1alpha1'],
  doc: 'Where Redis commands go, by key.',
  compiled: false,
  schema: redisServiceSpec,
}
