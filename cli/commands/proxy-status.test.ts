import { expect, test } from 'vitest'
import type { ProxyStatus } from '../../controlplane/admin/proxies.ts'
import { isShown } from './proxy-status.ts'

test('a refusal that no connected proxy has in its line is shown by itself', () => {
  const place = { file: 'a.yaml', line: 3, column: 1 }
  const complaint = { ...place, code: 'XDS_REJECTED', severity: 'error', message: '', path: '' } as const
  const refusing = { types: [{ rejected: { places: [{ ...place, document: 'Gateway/default/a' }] } }] }
  const newcomer = { types: [{}] }
  expect(isShown(complaint, [refusing, newcomer] as unknown as readonly ProxyStatus[])).toBe(true)
  expect(isShown(complaint, [newcomer] as unknown as readonly ProxyStatus[])).toBe(false)
  expect(isShown({ ...complaint, code: 'HOST_NOT_FOUND' }, [refusing] as unknown as readonly ProxyStatus[])).toBe(false)
})
