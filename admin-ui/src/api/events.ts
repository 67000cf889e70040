/** connecting: not yet or no more; live: events come, to this tab or through the one that listens for all. */
export type LiveState = 'connecting' | 'live'

export interface LiveEvent {
  readonly type: 'revision' | 'config' | 'convergence' | 'proxies' | 'resync'
  readonly data: unknown
}

export interface EventOptions {
  readonly onEvent: (event: LiveEvent) => void
  readonly onState: (state: LiveState) => void
}

const TYPES = ['revision', 'config', 'convergence', 'proxies', 'resync'] as const
const CHANNEL = 'meshgate-events'

type Message = { readonly event: LiveEvent } | { readonly state: LiveState } | { readonly hello: true }

/**
 * Server-sent events, one connection for all tabs of a browser: over HTTP/1.1 a browser opens six in all, and the seventh tab
 * would be dead. The tab that holds the lock listens and tells the others. Where there are no locks each tab listens itself.
 */
export function openEvents({ onEvent, onState }: EventOptions): () => void {
  if (!('locks' in navigator) || !('BroadcastChannel' in globalThis)) return listen({ onEvent, onState })
  const channel = new BroadcastChannel(CHANNEL)
  const over = new AbortController()
  let stopListening: (() => void) | undefined
  let state: LiveState = 'connecting'
  const tell = (message: Message) => channel.postMessage(message)
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if ('hello' in data) {
      if (stopListening) tell({ state })
    } else if ('event' in data) onEvent(data.event)
    else onState(data.state)
  }
  tell({ hello: true })
  navigator.locks
    .request(CHANNEL, { signal: over.signal }, async () => {
      stopListening = listen({
        onEvent: (event) => {
          onEvent(event)
          tell({ event })
        },
        onState: (next) => {
          state = next
          onState(next)
          tell({ state: next })
        },
      })
      await new Promise((resolve) => over.signal.addEventListener('abort', resolve))
    })
    .catch(() => {}) // given up while waiting for the lock
  return () => {
    over.abort()
    stopListening?.()
    channel.close()
  }
}

function listen({ onEvent, onState }: EventOptions): () => void {
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0
  const open = () => {
    // A connection the browser opens again tells the last id; a new one does not: what came before it was missed.
    let fresh = true
    source = new EventSource('/api/v1/events')
    source.onopen = () => {
      failures = 0
      onState('live')
      if (fresh) onEvent({ type: 'resync', data: {} })
      fresh = false
    }
    source.onerror = () => {
      onState('connecting')
      // The browser tries again by itself and tells the last id, unless the answer was an error.
      if (source?.readyState !== EventSource.CLOSED) return
      timer = setTimeout(open, Math.min(30_000, 1_000 * 2 ** failures++) * (0.5 + Math.random()))
    }
    for (const type of TYPES)
      source.addEventListener(type, ({ data }: MessageEvent<string>) => onEvent({ type, data: JSON.parse(data) }))
  }
  open()
  return () => {
    clearTimeout(timer)
    source?.close()
  }
}
