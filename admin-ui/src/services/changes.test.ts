import { expect, it } from 'vitest'
import type { Revision } from '../api/schema.ts'
import { filesAbout, newestOf } from './changes.ts'

const HOST = 'pay.shop.svc.cluster.local'
const rule = (kind: string, name: string, hosts: readonly string[], file?: string) => ({
  key: `${kind}/shop/${name}`,
  kind,
  namespace: 'shop',
  hosts: [...hosts],
  ...(file === undefined ? {} : { file }),
})

it('the files of a service are those of rules about it, by full or short name or in force for it, its declaration last', () => {
  const rules = [
    rule('ServiceEntry', 'pay', [HOST], 'services.yaml'),
    rule('VirtualService', 'pay', ['pay'], 'pay.yaml'),
    rule('DestinationRule', 'pay', [HOST], 'pay.yaml'),
    rule('MsgRouter', 'login', ['elsewhere'], 'login.yaml'),
    rule('VirtualService', 'cart', ['cart'], 'cart.yaml'),
    rule('VirtualService', 'generated', [HOST]),
  ]
  expect(filesAbout(rules, [{ document: 'MsgRouter/shop/login' }], HOST)).toEqual([
    'pay.yaml',
    'login.yaml',
    'services.yaml',
  ])
})

it('a revision that changed two of them is told once, the newest first', () => {
  const revision = (id: number): Revision => ({
    ...{ id, at: '2026-11-23T10:00:00Z', who: 'bob', why: 'canary' },
    ...{ source: 'api', files: [] },
  })
  expect(newestOf([revision(3), revision(7), revision(3), revision(1)]).map(({ id }) => id)).toEqual([7, 3, 1])
})
