import { describe, expect, it } from 'vitest'
import { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { make } from '../../../proto/make.ts'
import type { ProxyClass } from '../../model/proxy-class.ts'
import { clusterOfStatName } from '../names.ts'
import { withStatName } from './stat-name.ts'

const CLASS: ProxyClass = {
  ...{ key: '', type: 'sidecar', namespace: 'default', labels: {}, locality: undefined, httpPort: 0 },
  secretsAllowed: false,
}

function altStatName(name: string, proxy: ProxyClass): string {
  const compiled = { message: make(ClusterSchema, { name }), origins: [], children: [], problems: [] }
  return withStatName(proxy, compiled).message.altStatName
}

describe('the name of a cluster in statistics', () => {
  it.each([
    ['outbound|80||a.test', '', 'outbound|80||a.test;'],
    ['outbound|80||a.test~12', 'outbound|80||a.test', 'outbound|80||a.test;'],
    ['inbound|80||', '', 'inbound|80||;'],
    ['PassthroughCluster', '', 'PassthroughCluster;'],
  ])('%s', (name, plain, delimited) => {
    expect(altStatName(name, CLASS)).toBe(plain)
    expect(altStatName(name, { ...CLASS, delimitedStats: true })).toBe(delimited)
    expect(clusterOfStatName(delimited)).toBe(clusterOfStatName(plain || name))
  })
})
