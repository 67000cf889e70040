import type { Policy, Service } from '../api/schema.ts'

type Topic = Policy['topic']

const HTTP = new Set(['http', 'http2', 'grpc', 'grpc-web'])

/**
 * Which of the topics a service can have: message routes only where a port speaks another protocol, a split of requests only where one
 * speaks HTTP, and what is in force anyhow. Where no port speaks HTTP, message routes come first.
 */
export function topicsFor(
  topics: readonly Topic[],
  { ports }: Pick<Service, 'ports'>,
  policies: readonly Pick<Policy, 'topic'>[],
): readonly Topic[] {
  const http = ports.some(({ protocol }) => HTTP.has(protocol))
  const messages = ports.some(({ protocol }) => !HTTP.has(protocol))
  const shown = topics.filter(
    (topic) =>
      policies.some((one) => one.topic === topic) ||
      (topic === 'messageRoutes' ? messages : topic === 'split' ? http : true),
  )
  return http ? shown : [...shown].sort((a, b) => Number(b === 'messageRoutes') - Number(a === 'messageRoutes'))
}
