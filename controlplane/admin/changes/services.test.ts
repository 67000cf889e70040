import { expect, test } from 'vitest'
import type { ClassChanges } from './class-changes.ts'
import { affectedServices } from './services.ts'

test('clusters are told by the host of their service, also those that came back under another name', () => {
  const types = [
    { type: 'cds', added: ['outbound|80|v1|a.shop.svc.cluster.local~2'], changed: [], removed: ['PassthroughCluster'] },
    { type: 'eds', added: [], changed: ['outbound|80||b.shop.svc.cluster.local'], removed: [] },
    { type: 'rds', added: ['http.80'], changed: [], removed: [] },
  ]
  const classes = [{ types }] as unknown as readonly ClassChanges[]
  expect(affectedServices(new Map(), new Map(), classes, [])).toEqual([
    'a.shop.svc.cluster.local',
    'b.shop.svc.cluster.local',
  ])
})
