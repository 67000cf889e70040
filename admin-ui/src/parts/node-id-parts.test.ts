import { expect, test } from 'vitest'
import { cutNodeId } from './node-id-parts.ts'

test('a node id has its workload in the middle, and what tells replicas apart at the end of that', () => {
  expect(cutNodeId('sidecar~10.0.0.1~player-inventory-7f9c8d6b5-ax2kq.eu~eu.svc.cluster.local')).toEqual({
    before: 'sidecar~10.0.0.1~',
    stem: 'player-inventory',
    replica: '-7f9c8d6b5-ax2kq.eu',
    behind: '~eu.svc.cluster.local',
  })
  expect(cutNodeId('router~10.0.0.1~gateway.default~x')).toMatchObject({ stem: 'gateway.default', replica: '' })
})

test('the parts together are the id, whatever its form', () => {
  for (const id of ['edge', 'a~b', 'a~b~', '~~~', 'a~b~c', 'a~b~c-1.d~e~f', '-1.x', 'a~b~-1-2.n~d']) {
    const { before, stem, replica, behind } = cutNodeId(id)
    expect(before + stem + replica + behind).toBe(id)
  }
})
