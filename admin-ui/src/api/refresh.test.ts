import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { expect, it } from 'vitest'
import { refresh } from './refresh.ts'

/** A query somebody looks at, whose answers come when the test says so; each says what is true when it is asked for. */
function looking() {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  const waiting: (() => void)[] = []
  let truth = 'sent'
  const observer = new QueryObserver(client, {
    queryKey: ['convergence', 7],
    queryFn: () => {
      const answer = truth
      return new Promise<string>((resolve) => waiting.push(() => resolve(answer)))
    },
  })
  observer.subscribe(() => {})
  const answer = () => waiting.shift()?.()
  return { client, observer, waiting, answer, becomes: (next: string) => (truth = next) }
}

it('an event during the first answer is not lost: it is asked once more', async () => {
  const { client, observer, waiting, answer, becomes } = looking()
  becomes('ACK')
  refresh(client, { queryKey: ['convergence'] })
  refresh(client, { queryKey: ['convergence'] })
  answer()
  await expect.poll(() => waiting.length).toBe(1)
  answer()
  await expect.poll(() => observer.getCurrentResult().data).toBe('ACK')
  expect(waiting).toHaveLength(0)
})

it('an event later asks at once', async () => {
  const { client, observer, answer, becomes } = looking()
  answer()
  await expect.poll(() => observer.getCurrentResult().data).toBe('sent')
  becomes('ACK')
  refresh(client, { queryKey: ['convergence'] })
  answer()
  await expect.poll(() => observer.getCurrentResult().data).toBe('ACK')
})

it('what does not match is left alone', async () => {
  const { client, observer, waiting, answer } = looking()
  refresh(client, { queryKey: ['proxies'] })
  answer()
  await expect.poll(() => observer.getCurrentResult().data).toBe('sent')
  expect(waiting).toHaveLength(0)
})

it('events that come faster than answers do not keep the answers away', async () => {
  const { client, observer, waiting, answer, becomes } = looking()
  answer()
  await expect.poll(() => observer.getCurrentResult().data).toBe('sent')
  becomes('STALE')
  refresh(client, { queryKey: ['convergence'] })
  becomes('ACK')
  refresh(client, { queryKey: ['convergence'] })
  refresh(client, { queryKey: ['convergence'] })
  expect(waiting).toHaveLength(1)
  answer()
  await expect.poll(() => observer.getCurrentResult().data).toBe('STALE')
  await expect.poll(() => waiting.length).toBe(1)
  answer()
  await expect.poll(() => observer.getCurrentResult().data).toBe('ACK')
  expect(waiting).toHaveLength(0)
})
