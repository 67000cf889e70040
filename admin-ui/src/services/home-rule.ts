import type { Policy, Rule } from '../api/schema.ts'
import { speaksOf } from '../parts/speaks-of.ts'

type Topic = Policy['topic']

const KINDS: Readonly<Record<Topic, readonly string[]>> = {
  split: ['VirtualService'],
  fault: ['VirtualService'],
  timeoutRetry: ['VirtualService'],
  mirror: ['VirtualService'],
  circuitBreaking: ['DestinationRule'],
  loadBalancing: ['DestinationRule'],
  messageRoutes: ['MsgRouter', 'MetaRouter'],
}

/** What is written in the rule of a message route where a service has one: a VirtualService has no say over messages. */
const OF_MESSAGES: readonly Topic[] = ['split', 'fault', 'timeoutRetry', 'mirror']

/**
 * The rule in force that already speaks of a service and is of the kind a topic is written in: there it belongs, for a second one
 * beside it would be ignored or would clash. Rules that can be edited here come first.
 * @param policies of the service: where messages are routed to it, the rule that does so
 */
export function homeRule(
  rules: readonly Pick<Rule, 'key' | 'kind' | 'namespace' | 'hosts' | 'file'>[],
  topic: Topic,
  hostname: string,
  policies: readonly Pick<Policy, 'topic' | 'document'>[] = [],
): string | undefined {
  const route = policies.find((one) => one.topic === 'messageRoutes')
  if (route && OF_MESSAGES.includes(topic)) return route.document
  const found = rules.filter((rule) => KINDS[topic].includes(rule.kind) && speaksOf(rule, hostname))
  return (found.find(({ file }) => file !== undefined) ?? found[0])?.key
}
