import { expect, it } from 'vitest'
import { topicsFor } from './topics-for.ts'

const TOPICS = ['split', 'fault', 'mirror', 'messageRoutes'] as const
const speaks = (...protocols: readonly string[]) => ({
  ports: protocols.map((protocol, i) => ({ number: 80 + i, name: protocol, protocol, endpoints: [] })),
})

it('a service of HTTP has no message routes, one of messages has them first and no split of requests', () => {
  expect(topicsFor(TOPICS, speaks('http'), [])).toEqual(['split', 'fault', 'mirror'])
  expect(topicsFor(TOPICS, speaks('tcp'), [])).toEqual(['messageRoutes', 'fault', 'mirror'])
  expect(topicsFor(TOPICS, speaks('grpc', 'tcp'), [])).toEqual(['split', 'fault', 'mirror', 'messageRoutes'])
})

it('what is in force is shown whatever the ports speak', () => {
  expect(topicsFor(TOPICS, speaks('http'), [{ topic: 'messageRoutes' }])).toContain('messageRoutes')
  expect(topicsFor(TOPICS, speaks('tcp'), [{ topic: 'split' }])).toContain('split')
})
