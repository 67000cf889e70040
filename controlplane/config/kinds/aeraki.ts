import * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { message, optional, required } from '../schema.ts'
import { bool, double, duration, int32, strings, text, uint32 } from '../syntax/values.ts'
import { percent } from './common.ts'
import { tcpKeepalive } from './policy/connection-pool.ts'

const dubboAuthorizationPolicySpec = message({
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
  instead: 'nobody is refused by it: refuse in the workload',
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

const redisDestinationSpec = message({
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
  instead: 'use a DestinationRule, and a port that is named redis',
  schema: redisDestinationSpec,
}

const redisRoute = message({ host: optional(text, 'Service.'), port: optional(uint32, 'Port.') })

const redisServiceSpec = message({
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
  instead: 'use a MsgRouter, and a port that is named redis',
  schema: redisServiceSpec,
}
