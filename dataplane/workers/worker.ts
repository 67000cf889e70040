import { NO_DESCRIPTOR, watchDescriptors } from '../../files/descriptors.ts'
import { describeClusters, describeListeners } from '../admin/views.ts'
import { complain, complainTo } from '../complain.ts'
import { MessageProxy } from '../proxy.ts'
import { takeStats } from '../stats/prometheus.ts'
import type { FromWorker, ToWorker } from './protocol.ts'

/** A worker: one proxy, led by messages of the first process. Ends with it. */
function runWorker(): void {
  const proxy = new MessageProxy()
  const say = (message: FromWorker) => process.send?.(message)
  complainTo((thing, text, more) => say({ type: 'complaint', thing, text, more }))
  process.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'configuration':
        void proxy.apply(message.configuration).then((problems) => {
          const addresses = Object.fromEntries(
            message.configuration.listeners.map(({ name }) => [name, proxy.address(name)]),
          )
          say({ type: 'applied', id: message.id, problems, addresses })
        })
        return
      case 'stats':
        say({
          type: 'stats',
          id: message.id,
          stats: takeStats(proxy),
          clusters: describeClusters(proxy),
          listeners: describeListeners(proxy),
        })
        return
      case 'drain':
        void proxy.drain(message.timeoutMs).then(() => process.exit(0))
    }
  })
  watchDescriptors({
    none: () => complain(`worker ${process.pid}`, NO_DESCRIPTOR),
    again: () => complain(`worker ${process.pid}, again`, 'files can be opened again, and connections are taken'),
  })
  process.on('disconnect', () => process.exit(0))
  // The first process hears these too and says what to do.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
  process.on('SIGHUP', () => undefined)
  say({ type: 'ready' })
}

runWorker()
